"""The project: its checks take any layout and refuse what is wrong; each planted bug shows.

A planted bug must be found by its own symptom and by no other, so every program is held
against the right one where it must agree and where it must not.
"""

import contextlib
import io

import nbformat
import numpy as np
import pytest
from book_checks import ROOT

import smnn
from smnn_book import planted
from smnn_book.planted import Program, check_diagnosis, program
from smnn_book.project import (
    SIZES,
    check_backward,
    check_forward,
    check_loss,
    check_training,
    initial_params,
    reference_model,
    small_case,
)

BLANK = ROOT / "assets" / "project-blank.ipynb"


# ------------------------------------------------ the checks, with a layout of another kind


def forward(X, params):
    """Keep everything in a dictionary, which no check knows of."""
    kept = {"X": X, "Z1": X @ params["W1"] + params["b1"]}
    kept["H1"] = kept["Z1"] * (kept["Z1"] > 0)
    kept["H2"] = np.tanh(kept["H1"] @ params["W2"] + params["b2"])
    return kept["H2"] @ params["W3"] + params["b3"], kept


def loss_and_dZ(Z, y):
    return smnn.softmax_cross_entropy(Z, y)


def backward(dZ3, kept, params):
    dZ2 = dZ3 @ params["W3"].T * (1 - kept["H2"] ** 2)
    dZ1 = dZ2 @ params["W2"].T * (kept["Z1"] > 0)
    parts = ((kept["X"], dZ1), (kept["H1"], dZ2), (kept["H2"], dZ3))
    return {
        f"{letter}{layer}": value
        for layer, (below, dZ) in enumerate(parts, start=1)
        for letter, value in (("W", below.T @ dZ), ("b", dZ.sum(axis=0)))
    }


def test_another_layout_is_accepted(capsys):
    check_forward.accepts(forward)
    check_loss.accepts(loss_and_dZ)
    check_backward.accepts(forward, loss_and_dZ, backward)
    assert capsys.readouterr().out.count("✓") == 3


def verdict(capsys, check, *attempt):
    check.rejects(*attempt)
    return capsys.readouterr().out


def test_a_wrong_forward_is_refused(capsys):
    def without_tanh(X, params):
        H1 = np.maximum(X @ params["W1"] + params["b1"], 0)
        return (H1 @ params["W2"] + params["b2"]) @ params["W3"] + params["b3"], ()

    assert "largest error" in verdict(capsys, check_forward, without_tanh)
    assert "two things" in verdict(capsys, check_forward, lambda X, p: forward(X, p)[0])

    def changes(X, params):
        result = forward(X, params)
        params["b1"] += 1
        return result

    assert "were changed" in verdict(capsys, check_forward, changes)


def log_of_sum(Z, y):
    """Right, except for a model that is sure: the 1 swallows what is beside it."""
    rows, Z = np.arange(len(y)), Z - Z.max(axis=1, keepdims=True)
    e = np.exp(Z)
    dZ = e / e.sum(axis=1, keepdims=True)
    dZ[rows, y] -= 1
    return (np.log(e.sum(axis=1)) - Z[rows, y]).mean(), dZ / len(y)


def test_a_loss_that_rounds_to_zero_is_refused(capsys):
    assert log_of_sum(np.array([[50.0, 0.0, 0.0]]), np.array([0]))[0] == 0
    assert "(50, 0, 0) and class 0 the loss is 3.86e-22" in verdict(capsys, check_loss, log_of_sum)


def test_a_loss_that_overwrites_its_logits_is_refused(capsys):
    def overwrites(Z, y):
        result = loss_and_dZ(Z, y)
        Z -= 1
        return result

    assert "overwritten" in verdict(capsys, check_loss, overwrites)


@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2", "W3", "b3"])
def test_the_wrong_gradient_is_named(capsys, name):
    def wrong(dZ3, kept, params):
        found = backward(dZ3, kept, params)
        return {**found, name: 1.01 * found[name]}

    assert f"d{name} is the first" in verdict(capsys, check_backward, forward, loss_and_dZ, wrong)


def test_training_is_judged_by_the_reader_s_own_forward(capsys):
    def train(X, y):
        return Program().train(X, y, SIZES)

    check_training.accepts(train, forward)
    untrained = initial_params(SIZES, np.random.default_rng(0))
    assert "342 are needed" in verdict(capsys, check_training, lambda X, y: untrained, forward)


# ------------------------------------------------ the planted bugs


def of_the_package(X, y, params):
    logits, pullback = reference_model(params).forward(X)
    loss, dlogits = smnn.softmax_cross_entropy(logits, y)
    _, grads = pullback(dlogits)
    return loss, {name: grads[f"{int(name[1]) - 1}.{name[0]}"] for name in params}


def wrong_gradients(candidate, case):
    """The names of the gradients that differ from those of the package."""
    loss, found = candidate.loss_and_gradients(*case)
    exact_loss, exact = of_the_package(*case)
    assert np.isclose(loss, exact_loss, rtol=1e-12, equal_nan=True)
    return {name for name in exact if not np.allclose(found[name], exact[name], atol=1e-14)}


ALL = {"W1", "b1", "W2", "b2", "W3", "b3"}


def sure_case():
    """One row whose logits are a thousand above those of the others."""
    X, y, params = small_case()
    params["W1"], params["b1"] = np.abs(params["W1"]), np.abs(params["b1"])
    X = np.abs(X)
    X[0] *= -1e6  # this row switches every ReLU off
    params["b2"] = params["b2"] * 0.0
    params["W3"] = 1e3 * params["W3"]
    return X, y, params


def test_the_base_is_right():
    for case in (small_case(), small_case(32), small_case(bias=0.0), sure_case()):
        assert wrong_gradients(Program(), case) == set()


def test_a_is_right_for_32_rows_only():
    assert wrong_gradients(program("a"), small_case(32)) == set()
    assert wrong_gradients(program("a"), small_case(5)) == ALL
    _, five = program("a").loss_and_gradients(*small_case(5))
    np.testing.assert_allclose(five["W2"], of_the_package(*small_case(5))[1]["W2"] * 5 / 32)


@pytest.fixture(scope="module")
def digits():
    return smnn.load_digits().split(360, rng=0)


def right(candidate, digits):
    training, test = digits
    params = candidate.train(training.x, training.y, SIZES)
    return int((reference_model(params)(test.x).argmax(axis=1) == test.y).sum())


def test_b_has_right_gradients_and_learns_nothing(digits):
    for case in (small_case(), small_case(32), small_case(bias=0.0), sure_case()):
        assert wrong_gradients(program("b"), case) == set()
    assert right(program("b"), digits) < 80
    assert right(Program(), digits) >= 340


def test_c_is_right_while_the_biases_are_zero():
    assert wrong_gradients(program("c"), small_case(bias=0.0)) == set()
    assert wrong_gradients(program("c"), small_case()) == {"W1", "b1"}


def test_d_is_right_the_first_time():
    candidate = program("d")
    assert wrong_gradients(candidate, small_case()) == set()
    assert wrong_gradients(candidate, small_case()) == ALL
    assert wrong_gradients(program("d"), small_case()) == set(), "each copy starts afresh"


def test_e_is_right_until_logits_lie_far_apart():
    for case in (small_case(), small_case(32)):
        assert wrong_gradients(program("e"), case) == set()
    loss, found = program("e").loss_and_gradients(*sure_case())
    assert not np.isfinite(loss) or not np.isfinite(found["W3"]).all()


def test_every_program_but_b_and_d_learns(digits):
    assert all(right(program(letter), digits) >= 340 for letter in "ace")
    assert right(program("d"), digits) < 200


def test_an_unknown_program_is_refused():
    with pytest.raises(ValueError, match="a, b, c, d and e, got 'f'"):
        program("f")


def test_the_diagnoses_are_judged(capsys):
    answers = [program(letter).fault for letter in "abcde"]
    assert len(set(answers)) == 5 and set(answers) <= set(planted.FAULTS)
    check_diagnosis.accepts(*answers)
    check_diagnosis(*answers[:4], ...)
    assert "still empty" in capsys.readouterr().out
    assert "4 of the five" in verdict(capsys, check_diagnosis, *answers[:4], 1)
    assert "from 1 to 12, got 13" in verdict(capsys, check_diagnosis, *answers[:4], 13)


# ------------------------------------------------ the blank notebook


def test_the_blank_notebook_runs_and_says_that_all_is_blank():
    notebook = nbformat.read(BLANK, as_version=4)
    printed = io.StringIO()
    names = {}
    with contextlib.redirect_stdout(printed):
        for cell in notebook.cells:
            if cell.cell_type == "code":
                assert cell.outputs == [] and cell.execution_count is None
                exec(compile(cell.source, "a cell", "exec"), names)
    assert printed.getvalue().count("the blank is still empty") == 5
