"""Sparsemax and entmax: the definition, other ways to the same numbers, special values, bugs."""

import mpmath
import numpy as np
import pytest
from scipy import optimize

import smnn

ALPHAS = [1.0000001, 1.1, 1.5, 1.75, 2.0, 2.1, 3.0, 10.0]
NAN, INF = np.nan, np.inf


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def exact_row(row, alpha):
    """Entmax of a row by bisection in 40 digits."""
    with mpmath.workdps(40):
        power, z = mpmath.mpf(alpha) - 1, [mpmath.mpf(float(value)) for value in row]
        z = [power * value for value in z]
        low, high = max(z) - 1, max(z)
        for _ in range(130):
            middle = (low + high) / 2
            probs = [max(value - middle, 0) ** (1 / power) for value in z]
            low, high = (middle, high) if mpmath.fsum(probs) > 1 else (low, middle)
        return [float(p) for p in probs]


# --- Values -------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_definition_in_40_digits(rng, alpha):
    for spread in (0.3, 2.0):
        x = rng.standard_normal((5, 6)) * spread
        exact = [exact_row(row, alpha) for row in x]
        np.testing.assert_allclose(smnn.entmax(x, alpha=alpha), exact, rtol=0, atol=3e-15)


def test_values_worked_out_by_hand():
    np.testing.assert_allclose(smnn.sparsemax([1, 0.8, 0.1]), [0.6, 0.4, 0], atol=1e-15)
    # k = 2 of (½, 0): mean ¼, sum of squares 1/8, τ = ¼ − √(7/16)
    tau = 0.25 - np.sqrt(7 / 16)
    np.testing.assert_allclose(smnn.entmax([1.0, 0.0]), [(0.5 - tau) ** 2, tau**2], rtol=1e-15)
    np.testing.assert_array_equal(smnn.sparsemax(np.zeros(4)), np.full(4, 0.25))
    np.testing.assert_array_equal(smnn.entmax(np.zeros(4)), np.full(4, 0.25))


def test_alpha_1_is_softmax_and_alpha_2_sparsemax(rng):
    x = rng.standard_normal((7, 9)) * 3
    np.testing.assert_array_equal(smnn.entmax(x, alpha=1), smnn.softmax(x))
    np.testing.assert_array_equal(smnn.entmax(x, alpha=2), smnn.sparsemax(x))
    for near in (1 + 1e-15, 1 + 1e-12):
        np.testing.assert_allclose(smnn.entmax(x, alpha=near), smnn.softmax(x), rtol=1e-10)


@pytest.mark.parametrize("alpha", [1.5, 2.0])
def test_the_formulas_agree_with_the_steps(rng, alpha):
    for spread in (0.01, 1.0, 30.0):
        x = rng.standard_normal((300, 50)) * spread
        other = smnn.entmax(x, alpha=np.nextafter(alpha, 3))
        np.testing.assert_allclose(smnn.entmax(x, alpha=alpha), other, rtol=0, atol=1e-13)


def test_sparsemax_is_the_projection_on_the_simplex(rng):
    for _ in range(10):
        x = rng.standard_normal(5)
        found = optimize.minimize(
            lambda p, x=x: ((p - x) ** 2).sum(),
            np.full(5, 0.2),
            jac=lambda p, x=x: 2 * (p - x),
            bounds=[(0, None)] * 5,
            constraints={"type": "eq", "fun": lambda p: p.sum() - 1, "jac": np.ones_like},
            method="SLSQP",
            options={"ftol": 1e-14},
        )
        np.testing.assert_allclose(smnn.sparsemax(x), found.x, atol=1e-6)


@pytest.mark.parametrize("alpha", ALPHAS[1:])
def test_no_distribution_is_better(rng, alpha):
    """entmax maximizes ⟨p, x⟩ − Ω(p)."""

    def worth(p, x):
        return (p * x).sum(-1) - ((p**alpha).sum(-1) - 1) / (alpha * (alpha - 1))

    x = rng.standard_normal((40, 1, 4))
    others = rng.dirichlet(np.full(4, 0.5), size=2000)
    best = smnn.entmax(x, alpha=alpha)
    assert (worth(best, x) >= worth(others, x) - 1e-12).all()
    near = 0.999 * best + 0.001 * others
    assert (worth(best, x) >= worth(near, x) - 1e-12).all()


@pytest.mark.parametrize("alpha", ALPHAS)
def test_properties(rng, alpha):
    x = rng.standard_normal((200, 30)) * np.geomspace(1e-3, 50, 200)[:, None]
    p = smnn.entmax(x, alpha=alpha)
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-14)
    exact = np.round(x * 1024) / 1024  # so that the shift loses nothing
    np.testing.assert_array_equal(
        smnn.entmax(exact + 64, alpha=alpha), smnn.entmax(exact, alpha=alpha)
    )
    order = np.argsort(x, axis=1)
    assert (np.diff(np.take_along_axis(p, order, axis=1), axis=1) >= 0).all()


@pytest.mark.parametrize("alpha", [1.1, 1.5, 2.0, 3.0])
def test_the_margin(alpha):
    margin = 1 / (alpha - 1)
    assert smnn.entmax([0, -margin * (1 + 1e-9)], alpha=alpha).tolist() == [1, 0]
    inside = smnn.entmax([0, -margin * 0.7], alpha=alpha)
    assert 0 < inside[1] < inside[0] < 1


def test_large_rows_sum_to_1(rng):
    for x in (rng.standard_normal((3, 50_000)), rng.random((3, 50_000)) * 1e-6):
        for alpha in (1.3, 1.5, 2.0):
            np.testing.assert_allclose(smnn.entmax(x, alpha=alpha).sum(axis=1), 1, rtol=1e-12)


# --- Shapes and dtypes --------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [1.0, 1.3, 1.5, 2.0])
@pytest.mark.parametrize("axis", [0, 1, 2, -2, -3, (0, 2), None])
def test_any_axis(rng, axis, alpha):
    x, dy = rng.standard_normal((2, 3, 4, 5))
    axes = (0, 1, 2) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    last = tuple(range(-len(axes), 0))
    moved = [np.moveaxis(a, axes, last) for a in (x, dy)]
    shape = moved[0].shape
    flat = [a.reshape(-1, int(np.prod([x.shape[i] for i in axes]))) for a in moved]
    p = smnn.entmax(flat[0], alpha=alpha)
    dx = smnn.entmax_vjp(flat[1], p, alpha=alpha)
    y = smnn.entmax(x, axis, alpha=alpha)
    np.testing.assert_array_equal(y, np.moveaxis(p.reshape(shape), last, axes))
    np.testing.assert_allclose(
        smnn.entmax_vjp(dy, y, axis=axis, alpha=alpha),
        np.moveaxis(dx.reshape(shape), last, axes), rtol=1e-12, atol=1e-15,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtypes_are_kept_and_results_rounded_once(rng, dtype):
    x = rng.standard_normal((50, 8)).astype(dtype)
    for alpha in (1.5, 1.7, 2.0):
        p = smnn.entmax(x, alpha=alpha)
        assert p.dtype == dtype
        np.testing.assert_array_equal(p, smnn.entmax(x.astype(float), alpha=alpha).astype(dtype))
        assert smnn.entmax_vjp(x, p, alpha=alpha).dtype == dtype


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0,)])
def test_nothing_gives_nothing(shape):
    x = np.zeros(shape)
    for alpha in (1.2, 1.5, 2.0):
        assert smnn.entmax(x, alpha=alpha).shape == shape
        assert smnn.entmax_vjp(x, x, alpha=alpha).shape == shape


def test_a_class_of_its_own():
    for alpha in (1.2, 1.5, 2.0):
        np.testing.assert_array_equal(smnn.entmax([[5.0], [-INF]], alpha=alpha), [[1], [NAN]])


# --- Special values -----------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [1.0, 1.2, 1.5, 2.0, 4.0])
def test_special_values_are_those_of_softmax(alpha):
    with np.errstate(all="raise", under="ignore"):
        x = [[0, -INF, 0], [-INF, -INF, 3], [-1e300, 1e300, -INF], [-INF] * 3, [INF, 0, 0]]
        p = smnn.entmax([*x, [NAN, 0, 1], [0, 1, NAN]], alpha=alpha)
    np.testing.assert_allclose(p[:3], [[0.5, 0, 0.5], [0, 0, 1], [0, 1, 0]], rtol=1e-15)
    assert np.isnan(p[3:]).all()


def test_a_masked_class_takes_no_part(rng):
    x = rng.standard_normal((20, 5))
    for alpha in (1.2, 1.5, 2.0):
        masked = np.insert(x, 2, -INF, axis=1)
        p = smnn.entmax(masked, alpha=alpha)
        assert not p[:, 2].any()
        np.testing.assert_allclose(
            np.delete(p, 2, axis=1), smnn.entmax(x, alpha=alpha), rtol=1e-13, atol=1e-16
        )


@pytest.mark.parametrize("alpha", [0.5, 0.999, -1, NAN, INF])
def test_alpha_below_1_is_refused(alpha):
    y = [0.5, 0.5]
    for call in (
        lambda: smnn.entmax([0.0, 1.0], alpha=alpha),
        lambda: smnn.entmax_vjp(y, y, alpha=alpha),
        lambda: smnn.fenchel_young_loss([[0.0, 1.0]], [0], alpha=alpha),
    ):
        with pytest.raises(ValueError, match="alpha must be at least 1 and finite, got"):
            call()
    with pytest.raises(TypeError, match="alpha must be a real number"):
        smnn.entmax([0.0, 1.0], alpha="2")


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="dy must have the shape of y"):
        smnn.sparsemax_vjp([1.0, 2.0, 3.0], [0.5, 0.5])
    with pytest.raises(ValueError, match="x must have the shape of y"):
        smnn.entmax_vjp([1.0, 2.0], [0.5, 0.5], [1.0])
    with pytest.raises(TypeError, match="for the axis write axis=-1"):
        smnn.sparsemax_vjp([1.0, 2.0], [0.5, 0.5], -1)
    with pytest.raises(ValueError, match="axis 2 is out of range"):
        smnn.sparsemax([[1.0, 2.0]], 2)


# --- Gradients ----------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [1.2, 1.5, 2.0, 2.5])
def test_the_jacobian_is_symmetric_and_kills_ones(rng, alpha):
    """J = diag(s) − s sᵀ / Σs on the support."""
    for x in rng.standard_normal((20, 5)):
        y = smnn.entmax(x, alpha=alpha)
        J = np.array([smnn.entmax_vjp(row, y, alpha=alpha) for row in np.eye(5)])
        np.testing.assert_allclose(J, J.T, atol=1e-13 * abs(J).max())
        np.testing.assert_allclose(J.sum(axis=1), 0, atol=1e-13 * abs(J).max())
        assert np.linalg.eigvalsh(J).min() >= -1e-12 * abs(J).max()
        assert not J[y == 0].any()


def test_what_hits_a_zero_is_dropped_whatever_it_is():
    for alpha in (1.5, 2.0):
        with np.errstate(all="raise"):
            dx = smnn.entmax_vjp([1.0, 0.0, -INF, NAN], [0.5, 0.5, 0.0, 0.0], alpha=alpha)
        np.testing.assert_array_equal(dx[2:], 0)
        assert np.isfinite(dx).all() and dx[0] > 0
    assert np.isnan(smnn.entmax_vjp([1.0, 0.0], [NAN, NAN])).all()


# --- Bugs that others had -----------------------------------------------------------------


def test_an_axis_of_length_one_keeps_its_shape_on_the_way_back():
    """entmax, pull request 18: the axis was squeezed away."""
    y = smnn.sparsemax(np.zeros((3, 1, 2)), axis=1)
    dx = smnn.sparsemax_vjp(np.ones((3, 1, 2)), y, axis=1)
    assert dx.shape == (3, 1, 2) and not dx.any()


def test_a_large_common_score_changes_nothing():
    """tensorflow, issue 15564: 1 + z lost the 1."""
    for dtype, large in ((np.float32, 2.0**23), (np.float64, 2.0**52)):
        x = np.array([large, large - 1, 0], dtype)
        np.testing.assert_array_equal(smnn.sparsemax(x), [1, 0, 0])
        np.testing.assert_array_equal(smnn.sparsemax(np.array([large, large], dtype)), [0.5, 0.5])
