"""Exercises that judge: the verdicts, and that a judge which passes everything is found."""

import pytest

from smnn_book import exercise, kept_results


@exercise
def check_square(square):
    """on three numbers."""
    assert [square(n) for n in (0, 2, 3)] == [0, 4, 9], "square(n) must be n · n"


def verdict(capsys, *attempt):
    check_square(*attempt)
    return capsys.readouterr().out.strip()


def blank(n): ...


def blank_with_a_docstring(n):
    """Return n squared."""


@pytest.mark.parametrize("attempt", [..., None, blank, blank_with_a_docstring])
def test_a_blank_is_told_so(capsys, attempt):
    assert verdict(capsys, attempt) == "✗ not yet: the blank is still empty"


def test_right_and_wrong(capsys):
    assert verdict(capsys, lambda n: n * n) == "✓ right: on three numbers"
    assert verdict(capsys, lambda n: 2 * n) == "✗ not yet: square(n) must be n · n"


def test_an_error_of_the_attempt_is_a_verdict(capsys):
    assert verdict(capsys, lambda n: 1 / n).startswith("✗ not yet: it raises ZeroDivisionError")


def test_the_run_of_the_book_tests_the_judge_both_ways(capsys):
    check_square.accepts(lambda n: n**2)
    check_square.rejects(lambda n: n + n)
    assert capsys.readouterr().out.splitlines() == [
        "✓ right: on three numbers",
        "rejected: square(n) must be n · n",
    ]
    with pytest.raises(AssertionError, match="rejects a right attempt"):
        check_square.accepts(lambda n: 0)
    with pytest.raises(AssertionError, match="lets a wrong attempt pass"):
        check_square.rejects(lambda n: n**2)


def test_a_judge_says_what_it_compares():
    def judge(attempt):
        assert attempt

    with pytest.raises(ValueError, match="needs a docstring"):
        exercise(judge)


def test_kept_results_that_are_not_there_name_those_that_are():
    with pytest.raises(ValueError, match=r"there are benchmark, .*exp_ulp, .*train_mnist"):
        kept_results("nothing")
