"""The operator ⊕ on parts (m, s) of a log-sum-exp: any split, any order, one result."""

import functools
import itertools

import numpy as np
import pytest

from smnn import logsumexp, merge_logsumexp

UNIT = (-np.inf, 0.0)
DTYPES = [np.float32, np.float64]


def part_of(x):
    """The part of the exponents of a block."""
    m = x.max(initial=-np.inf)
    if m == -np.inf:
        return x.dtype.type(m), x.dtype.type(0)
    return m, np.exp(x - m).sum()


def random_parts(rng, count, dtype):
    """Parts as blocks of exponents have them, one in ten empty."""
    m = (rng.choice([0.1, 3.0, 40.0], count) * rng.standard_normal(count)).astype(dtype)
    s = (1 + rng.exponential(5.0, count)).astype(dtype)
    empty = rng.random(count) < 0.1
    m[empty], s[empty] = -np.inf, 0
    return m, s


def assert_within_ulp(found, expected, ulp=2):
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_less(
        abs(found[1] - expected[1]), ulp * np.spacing(np.abs(expected[1])) * 1.001
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_it_is_associative(dtype):
    rng = np.random.default_rng(0)
    a, b, c = (random_parts(rng, 20_000, dtype) for _ in range(3))
    left = merge_logsumexp(merge_logsumexp(a, b), c)
    right = merge_logsumexp(a, merge_logsumexp(b, c))
    assert left[1].dtype == dtype
    assert (left[1] != right[1]).any(), "the two sides were not rounded in two ways"
    assert_within_ulp(left, right)


@pytest.mark.parametrize("dtype", DTYPES)
def test_it_is_commutative_and_has_a_unit(dtype):
    rng = np.random.default_rng(1)
    a, b = (random_parts(rng, 2000, dtype) for _ in range(2))
    for found, expected in (
        (merge_logsumexp(a, b), merge_logsumexp(b, a)),
        (merge_logsumexp(a, tuple(map(dtype, UNIT))), a),
        (merge_logsumexp(tuple(map(dtype, UNIT)), a), a),
    ):
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_split_in_any_order_gives_logsumexp(dtype):
    rng = np.random.default_rng(2)
    for _ in range(60):
        size = int(rng.integers(1, 200))
        x = (rng.choice([1.0, 30.0]) * rng.standard_normal(size)).astype(dtype)
        x[rng.random(size) < 0.3] = -np.inf
        cuts = np.sort(rng.integers(0, size + 1, rng.integers(0, 12)))  # some blocks are empty
        parts = [part_of(block) for block in np.split(x, cuts)]
        rng.shuffle(parts)
        m, s = functools.reduce(merge_logsumexp, parts)
        with np.errstate(divide="ignore"):
            found = m + np.log(s)
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(found, logsumexp(x), 16 * eps, 16 * eps)


def test_a_tree_and_a_chain_agree_and_blocks_of_one_are_enough():
    x = np.random.default_rng(3).standard_normal(64) * 10
    chain = functools.reduce(merge_logsumexp, [(v, 1.0) for v in x])
    m, s = x, np.ones(64)
    while len(m) > 1:
        m, s = merge_logsumexp((m[::2], s[::2]), (m[1::2], s[1::2]))
    np.testing.assert_allclose(s[0], chain[1], 1e-14)
    np.testing.assert_allclose(m[0] + np.log(s[0]), logsumexp(x), 1e-14)


def test_infinite_and_undefined_parts():
    inf, nan = np.inf, np.nan
    for a, b, expected in (
        (UNIT, UNIT, UNIT),
        ((-inf, 1.0), UNIT, (-inf, 1.0)),  # logsumexp of nothing, as a part
        ((-inf, 1.0), (2.0, 1.5), (2.0, 1.5)),
        ((inf, 1.0), (inf, 2.0), (inf, 3.0)),
        ((inf, 1.0), (3.0, 5.0), (inf, 1.0)),
        ((inf, 1.0), UNIT, (inf, 1.0)),
        ((nan, 1.0), (3.0, 1.0), (nan, nan)),
        ((3.0, nan), (4.0, 1.0), (4.0, nan)),
        ((1e308, 1.0), (-1e308, 1.0), (1e308, 1.0)),
    ):
        for pair in ((a, b), (b, a)):
            np.testing.assert_array_equal(merge_logsumexp(*pair), expected, str(pair))


def test_dtypes_and_shapes():
    single = np.float32([1, 2])
    for dtype, given in (
        ("float32", single),
        ("float64", [1, 2]),
        ("float64", single.astype(int)),
        ("float16", single.astype(np.float16)),
    ):
        m, s = merge_logsumexp((given, given), (given, given))
        assert m.dtype == s.dtype == dtype
        np.testing.assert_array_equal(s, [2, 4])
    m, s = merge_logsumexp((single, single), (0.0, 1.0))
    assert m.dtype == s.dtype == "float64"
    m, s = merge_logsumexp((single[:, None], np.ones((2, 3))), (np.zeros((1, 1)), np.ones(3)))
    assert m.shape == (2, 1) and s.shape == (2, 3)
    assert isinstance(merge_logsumexp((1.0, 1.0), (2.0, 1.0))[0], np.float64)


@pytest.mark.parametrize("wrong", [1.0, (1.0,), (1.0, 2.0, 3.0), None])
def test_what_is_no_pair_is_refused(wrong):
    for a, b, name in ((wrong, UNIT, "a"), (UNIT, wrong, "b")):
        with pytest.raises(ValueError, match=rf"{name} must be a pair \(m, s\), got"):
            merge_logsumexp(a, b)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"must broadcast against one another, got shapes \(2,\)"):
        merge_logsumexp((np.ones(2), np.ones(2)), (np.ones(3), np.ones(3)))
    with pytest.raises(TypeError, match="the s of b must hold float16"):
        merge_logsumexp(UNIT, (1.0, 1j))


def test_three_parts_by_hand():
    """(2, 1.5) ⊕ (5, 1.2) ⊕ (5, 1), in every order."""
    parts = [(2.0, 1.5), (5.0, 1.2), (5.0, 1.0)]
    for order in itertools.permutations(parts):
        m, s = functools.reduce(merge_logsumexp, order)
        assert m == 5.0
        np.testing.assert_allclose(s, 1.5 * np.exp(-3.0) + 2.2, 1e-15)
