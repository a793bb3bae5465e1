"""Arguments in their canonical form: what they become, and what is refused."""

import numpy as np
import pytest

from smnn._core import validation as check


def test_a_frame_of_numbers_that_can_be_missing_is_float64():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [0.5, 1.5]})
    found = check.float_array(frame, "x")
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [[1, 0.5], [np.nan, 1.5]])
    assert check.float_array(pd.DataFrame({"a": [1], "b": [True]}, dtype=object), "x").sum() == 2


def test_a_frame_of_text_holds_no_numbers():
    pd = pytest.importorskip("pandas")
    with pytest.raises(TypeError, match="x must hold numbers: "):
        check.float_array(pd.DataFrame({"a": ["b"]}, dtype=object), "x")


def test_an_array_of_objects_holds_no_numbers():
    with pytest.raises(TypeError, match=r"x must hold float16, .* got dtype object"):
        check.float_array(np.array([1, None]), "x")
    assert check.float_array(np.array([], object), "x").dtype == np.float64


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf, -np.inf])
def test_a_weight_of_a_row_is_a_number_from_0_on(wrong):
    with pytest.raises(ValueError, match=f"w must be at least 0 and finite, got {wrong}"):
        check.row_weights([1.0, wrong], (2,), "float64", "w")
    with pytest.raises(ValueError, match=r"w must hold one number per row, shape \(2,\)"):
        check.row_weights([1.0], (2,), "float64", "w")


def test_weights_of_rows_are_flat_copies():
    given = np.array([[0.0, 1.0], [2.0, 3.0]])
    found = check.row_weights(given, (2, 2), "float32")
    assert found.dtype == np.float32 and found.tolist() == [0, 1, 2, 3]
    same = check.row_weights(given[0], (2,), "float64")
    same[:] = 7
    assert given[0].tolist() == [0, 1]
    assert check.row_weights([True, False], (2,), "float64").tolist() == [1, 0]
    assert check.row_weights(None, (2,), "float64") is None


def test_lengths_are_numbers_from_0_to_the_longest():
    assert check.sequence_lengths([0, 3], (2, 3, 5)).tolist() == [0, 3]
    assert check.sequence_lengths(None, (2, 3)) is None
    for wrong in ([0, 4], [-1, 3]):
        with pytest.raises(ValueError, match="lengths must be from 0 to 3"):
            check.sequence_lengths(wrong, (2, 3, 5))
    for lengths, shape in (([1], (2, 3)), ([1, 2], (2,)), ([[1, 2]], (2, 3))):
        with pytest.raises(ValueError, match="one number per sequence"):
            check.sequence_lengths(lengths, shape)


def test_a_label_beyond_int64_stays_out_of_range():
    labels = np.array([[0, 1], [2**64 - 1, 0]], np.uint64)
    assert check.integer_array(labels).max() == np.iinfo(np.int64).max
    with pytest.raises(IndexError, match=r"label \d+ at row 1, 0 is out of range"):
        check.class_labels(labels, (2, 2), 2)
    with pytest.raises(TypeError, match="integer labels, got dtype float64"):
        check.integer_array([0.0])
    assert check.integer_array([]).dtype == np.int64


@pytest.mark.parametrize(
    ("function", "allowed", "refused"),
    [
        (check.fraction, (0, 0.5, 1), (-1e-9, 1 + 1e-9, np.nan)),
        (check.not_negative, (0, 1e300), (-1e-9, np.inf, np.nan)),
        (check.positive, (1e-300, 2), (0, np.inf, np.nan)),
        (check.positive_integer, (1, np.int8(9)), (0, -1)),
    ],
)
def test_numbers_at_the_ends_of_what_is_allowed(function, allowed, refused):
    for value in allowed:
        assert function(value, "x") == function(np.array(value)[()], "x") == value
    for value in refused:
        with pytest.raises(ValueError, match=r"x must "):
            function(value, "x")
    for value in (True, np.False_, "1", None):
        with pytest.raises(TypeError, match="x must be"):
            function(value, "x")


def test_an_array_without_axes_is_a_number():
    assert check.real_number(np.array(2), "x") == 2
    with pytest.raises(TypeError, match="x must be a real number"):
        check.real_number(np.array([2]), "x")


def test_random_numbers_from_a_seed_or_a_generator():
    rng = np.random.default_rng(0)
    assert check.generator(rng) is rng
    assert check.generator(np.int64(5)).random() == np.random.default_rng(5).random()
    assert check.generator(0).random() == np.random.default_rng(0).random()
    assert check.generator(None).random() != check.generator(None).random()
    with pytest.raises(ValueError, match="a seed of at least 0, got -1"):
        check.generator(-1)
    with pytest.raises(TypeError, match="rng must be None, an int or"):
        check.generator(True)


class WithToarray(np.ndarray):
    """An array of a library that can also be asked for itself, and is not sparse."""

    def toarray(self):
        return np.asarray(self)


def test_an_array_that_is_not_sparse_is_taken_as_it_lies():
    x = np.ones(3, np.float16)
    assert np.shares_memory(check.float_array(x, "x"), x)
    assert np.shares_memory(check.float_array(x.view(WithToarray), "x"), x)


def test_no_rows_have_no_labels():
    assert check.target_array([], (0, 3), np.float64).shape == (0,)
    assert check.target_array(np.empty((4, 0)), (4, 0, 3), np.float64).shape == (0,)
