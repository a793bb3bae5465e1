"""Activations against SciPy, ONNX, mpmath and, where it is installed, PyTorch."""

import importlib

import numpy as np
import pytest
import scipy.special
import scipy.stats

from smnn import activations
from smnn.activations import ACTIVATIONS, SELU_ALPHA, SELU_SCALE

GRID = np.concatenate([np.linspace(-8, 8, 161), [-1e4, -750.0, -38.0, 38.0, 750.0, 1e4]])
ELEMENTWISE = [name for name in ACTIVATIONS if name != "softmax"]

SCIPY = {
    "identity": lambda x: x,
    "step": lambda x: np.where(x < 0, 0.0, 1.0),
    "sigmoid": scipy.special.expit,
    "tanh": lambda x: 2 * scipy.special.expit(2 * x) - 1,
    "hard_tanh": lambda x: np.where(x < -1, -1, np.where(x > 1, 1, x)),
    "relu": lambda x: (x + np.abs(x)) / 2,
    "leaky_relu": lambda x: x * np.where(x > 0, 1, 0.01),
    "elu": lambda x: np.where(x > 0, x, scipy.special.expm1(np.minimum(x, 0))),
    "selu": lambda x: 1.0507009873554804934193349852946 * np.where(
        x > 0, x, 1.6732632423543772848170429916717 * scipy.special.expm1(np.minimum(x, 0))
    ),
    "softplus": lambda x: -scipy.special.log_expit(-x),
    "silu": lambda x: x * scipy.special.expit(x),
    "gelu": lambda x: x * scipy.special.ndtr(x),
    "gaussian": lambda x: np.sqrt(np.pi) * scipy.stats.norm.pdf(x, scale=np.sqrt(0.5)),
    "softmax": lambda x: scipy.special.softmax(x, axis=-1),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_agrees_with_scipy(name):
    f, _ = ACTIVATIONS[name]
    np.testing.assert_allclose(f(GRID), SCIPY[name](GRID), rtol=2e-15, atol=1e-15)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_large_numbers_raise_no_warning(name):
    f, vjp = ACTIVATIONS[name]
    for dtype, x in ((np.float64, 1e4), (np.float32, 1e4), (np.float16, 3e4)):
        x = np.array([-x, x], dtype)
        with np.errstate(all="raise", under="ignore"):
            y = f(x)
            dx = vjp(np.ones_like(x), y, x)
        assert np.isfinite(y).all() and np.isfinite(dx).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_nan_stays_nan(name):
    f, _ = ACTIVATIONS[name]
    y = f(np.array([0.5, np.nan, -0.5]))
    assert np.isnan(y[1])
    assert name == "softmax" or np.isfinite(y[[0, 2]]).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floating_dtype_is_kept(name, dtype):
    f, vjp = ACTIVATIONS[name]
    x = np.array([[-2.0, -0.5, 0.5, 2.0]], dtype)
    y = f(x)
    dx = vjp(np.ones_like(y), y, x)
    assert (y.dtype, dx.dtype) == (dtype, dtype)
    assert y.shape == dx.shape == x.shape
    np.testing.assert_allclose(y, f(x.astype(np.float64)), rtol=3 * np.finfo(dtype).eps, atol=1e-3)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_single_numbers_and_other_layouts(name):
    f, vjp = ACTIVATIONS[name]
    if name != "softmax":
        for number in (-0.75, 2.0):
            expected = f([number])[0]
            assert f(number) == expected
            assert vjp(1.0, f(number), number) == vjp(np.ones(1), expected, np.array([number]))[0]
    x = np.random.default_rng(0).standard_normal((6, 4))
    for view in (x[::2], np.asfortranarray(x), x[:, ::-1], x[:0]):
        np.testing.assert_array_equal(f(view), f(view.copy(order="C")))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_integers_become_float64_and_text_is_refused(name):
    f, _ = ACTIVATIONS[name]
    assert f([-1, 0, 2]).dtype == np.float64
    with pytest.raises(TypeError, match="x must hold"):
        f(["a"])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_input_is_not_touched(name):
    f, vjp = ACTIVATIONS[name]
    x = np.array([-1.5, 0.0, 2.0])
    x.flags.writeable = False
    y = f(x)
    vjp(np.ones(3), y, x)
    assert x.tolist() == [-1.5, 0.0, 2.0]


@pytest.mark.parametrize(
    "name, at_minus_infinity, at_infinity",
    [("sigmoid", 0, 1), ("tanh", -1, 1), ("hard_tanh", -1, 1), ("relu", 0, np.inf),
     ("elu", -1, np.inf), ("softplus", 0, np.inf), ("gaussian", 0, 0), ("step", 0, 1)],
)  # fmt: skip
def test_limits(name, at_minus_infinity, at_infinity):
    f, _ = ACTIVATIONS[name]
    assert f(np.array([-np.inf, np.inf])).tolist() == [at_minus_infinity, at_infinity]


@pytest.mark.parametrize(
    "name, derivative_at_kinks",
    [("relu", {0: 0}), ("leaky_relu", {0: 0.01}), ("hard_tanh", {-1: 0, 1: 0}), ("elu", {0: 1}),
     ("selu", {0: SELU_SCALE * SELU_ALPHA})],
)  # fmt: skip
def test_derivative_at_a_kink(name, derivative_at_kinks):
    f, vjp = ACTIVATIONS[name]
    x = np.array(list(derivative_at_kinks), dtype=float)
    assert vjp(np.ones_like(x), f(x), x).tolist() == list(derivative_at_kinks.values())


def test_sigmoid_with_scale_and_shift():
    x = np.linspace(-3, 3, 13)
    y = activations.sigmoid(x, scale=2.5, shift=0.5)
    np.testing.assert_allclose(y, scipy.special.expit(2.5 * (x - 0.5)), rtol=2e-15)
    np.testing.assert_allclose(
        activations.tanh(x), 2 * activations.sigmoid(x, scale=2) - 1, atol=1e-15
    )


def test_selu_keeps_mean_and_variance():
    z = np.random.default_rng(0).standard_normal(1_000_000)
    y = activations.selu(z)
    assert abs(y.mean()) < 5e-3
    assert abs(y.var() - 1) < 5e-3


@pytest.mark.parametrize("name", ["gelu", "softplus", "sigmoid", "silu", "elu", "gaussian"])
def test_tails_keep_their_digits(name):
    """Relative error against 50 digits, far out on the left where cancellation would show."""
    mpmath = pytest.importorskip("mpmath")
    exact = {
        "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
        "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
        "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
        "silu": lambda x: x / (1 + mpmath.exp(-x)),
        "elu": lambda x: mpmath.expm1(x) if x < 0 else x,
        "gaussian": lambda x: mpmath.exp(-x * x),
    }[name]
    x = np.array([-25.0, -10.0, -3.0, -1.0, -1e-3, 1e-8, 0.5, 2.0, 20.0])
    f, _ = ACTIVATIONS[name]
    with mpmath.workdps(50):
        expected = [float(exact(mpmath.mpf(value))) for value in x]
    # erfc has a relative condition of x² in its tail, so the rounding of x/√2 shows there.
    np.testing.assert_allclose(f(x), expected, rtol=2e-13 if name == "gelu" else 4e-16 * 2)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_slope_of_gelu_near_zero(dtype):
    x = np.array([0, 5e-324, 1e-38, 1e-7, 1e-3, -1e-3, -1e-7, -1e-38], dtype)
    slope = activations.gelu_vjp(dtype(1), activations.gelu(x), x)
    exact = 0.5 + 2 * x.astype(np.float64) * scipy.stats.norm.pdf(0)
    np.testing.assert_allclose(slope, exact, rtol=3 * np.finfo(dtype).eps, atol=1e-9)


def test_unbroadcast_is_the_transpose_of_broadcasting():
    rng = np.random.default_rng(0)
    for shape in [(), (1,), (4,), (3, 1), (1, 4), (2, 1, 4), (2, 3, 4)]:
        dy, x = rng.standard_normal((2, 3, 4)), rng.standard_normal(shape)
        dx = activations.unbroadcast(dy, shape)
        assert dx.shape == shape
        np.testing.assert_allclose((dy * x).sum(), (dx * x).sum())


def onnx_cases(operator, monkeypatch):
    """Yield (attributes, inputs, output) for every case that ONNX has of an operator."""
    helper = pytest.importorskip("onnx.helper")
    module = importlib.import_module(f"onnx.backend.test.case.node.{operator.lower()}")
    cases = []

    def expect(node, inputs, outputs, name, **options):
        given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        cases.append((given, inputs, outputs[0]))

    monkeypatch.setattr(module, "expect", expect)
    for name, export in vars(getattr(module, operator)).items():
        if name.startswith("export"):
            export.__func__()
    return cases


ONNX = {
    "Sigmoid": (activations.sigmoid, {}),
    "Tanh": (activations.tanh, {}),
    "Relu": (activations.relu, {}),
    "LeakyRelu": (activations.leaky_relu, {"alpha": "slope"}),
    "PRelu": (activations.prelu, {}),
    "Elu": (activations.elu, {"alpha": "alpha"}),
    "Selu": (activations.selu, {}),
    "Softplus": (activations.softplus, {}),
    "Gelu": (activations.gelu, {}),
    "Swish": (lambda x, beta=1: activations.silu(beta * x) / beta, {"alpha": "beta"}),
}


@pytest.mark.parametrize("operator", ONNX)
def test_onnx_cases(operator, monkeypatch):
    f, options = ONNX[operator]
    compared = 0
    for given, inputs, expected in onnx_cases(operator, monkeypatch):
        if set(given) - set(options):
            continue  # constants of one's own for SELU, the tanh approximation of GELU
        y = f(*inputs, **{options[name]: value for name, value in given.items()})
        np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-7)
        compared += 1
    assert compared > 0


@pytest.mark.peers
@pytest.mark.parametrize("name", [*ELEMENTWISE, "softmax"])
def test_value_and_gradient_agree_with_pytorch(name):
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    theirs = {
        "identity": lambda x: x * 1.0,
        "step": lambda x: torch.heaviside(x, torch.ones((), dtype=x.dtype)) + 0 * x,
        "hard_tanh": F.hardtanh,
        "gaussian": lambda x: torch.exp(-x * x),
        "softmax": lambda x: torch.softmax(x, dim=-1),
        **{n: getattr(F, n) for n in ("relu", "leaky_relu", "elu", "selu", "silu", "gelu")},
        **{n: getattr(torch, n) for n in ("sigmoid", "tanh")},
        "softplus": lambda x: F.softplus(x, threshold=1e9) if abs(x).max() < 700 else F.softplus(x),
    }[name]
    f, vjp = ACTIVATIONS[name]
    rng = np.random.default_rng(1)
    for x in (GRID[:-6], GRID[-6:], rng.standard_normal((5, 7))):
        dy = rng.standard_normal(x.shape)
        tensor = torch.tensor(x, requires_grad=True)
        expected = theirs(tensor)
        if name != "step":
            expected.backward(torch.tensor(dy))
        y = f(x)
        np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-13, atol=1e-13)
        their_dx = np.zeros_like(x) if name == "step" else tensor.grad.numpy()
        np.testing.assert_allclose(vjp(dy, y, x), their_dx, rtol=1e-12, atol=1e-12)
