"""Optimizers against their published formulas, and against PyTorch where it is installed."""

import math

import numpy as np
import pytest

from smnn import (
    SGD,
    Adam,
    AdamW,
    clip_gradients,
    cosine_decay,
    exponential_decay,
    reference,
    step_decay,
    warmup,
)
from smnn.functional.backend import kernels
from smnn.optim import Optimizer

SHAPES = {"0.W": (300, 7), "0.b": (7,), "1.W": (2, 3, 5)}
SETTINGS = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "weight_decay": 0.02}),
    (SGD, {"lr": 0.1, "momentum": 0.9}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.02}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.02}),
    (Adam, {"lr": 0.01}),
    (Adam, {"lr": 0.01, "weight_decay": 0.02}),
    (Adam, {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3}),
]
EVERY_SETTING = pytest.mark.parametrize(
    "kind, options", SETTINGS, ids=lambda value: getattr(value, "__name__", str(value))
)


def random_arrays(rng, dtype="float64"):
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in SHAPES.items()}


def sgd_transcript(params, grads, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    """PyTorch's page on SGD, line by line."""
    buffer = None
    for t, g in enumerate(grads, start=1):
        if weight_decay != 0:
            g = g + weight_decay * params
        if momentum != 0:
            buffer = momentum * buffer + g if t > 1 else g
            g = g + momentum * buffer if nesterov else buffer
        params = params - lr * g
    return params


def adam_transcript(params, grads, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    """Algorithm 1 of Kingma and Ba, with the weight decay of PyTorch's page."""
    m = v = 0
    for t, g in enumerate(grads, start=1):
        if weight_decay != 0:
            g = g + weight_decay * params
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
        params = params - lr * m_hat / (np.sqrt(v_hat) + eps)
    return params


@EVERY_SETTING
@pytest.mark.parametrize("dtype, rtol", [("float64", 1e-12), ("float32", 2e-5)])
def test_steps_are_the_published_formulas(kind, options, dtype, rtol):
    rng = np.random.default_rng(0)
    params = random_arrays(rng, dtype)
    arrays = dict(params)
    start = {name: value.astype(np.float64) for name, value in params.items()}
    gradients = [random_arrays(rng, dtype) for _ in range(12)]
    kept = [{name: grad.copy() for name, grad in grads.items()} for grads in gradients]
    optimizer = kind(**options)
    for grads in gradients:
        optimizer.step(params, grads)
    transcript = sgd_transcript if kind is SGD else adam_transcript
    for name in SHAPES:
        expected = transcript(start[name], [g[name].astype(float) for g in kept], **options)
        np.testing.assert_allclose(params[name], expected, rtol=rtol, atol=rtol)
        assert params[name] is arrays[name] and params[name].dtype == dtype
        for grads, copies in zip(gradients, kept, strict=True):
            np.testing.assert_array_equal(grads[name], copies[name])  # gradients are only read


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 16, 17, 1000])
@pytest.mark.parametrize(
    "step, buffers, numbers",
    [
        ("sgd_step", 0, (0.1, 0.0, False, 0.0)),
        ("sgd_step", 0, (0.1, 0.0, False, 0.3)),
        ("sgd_step", 1, (0.1, 0.9, False, 0.3)),
        ("sgd_step", 1, (0.1, 0.9, True, 0.3)),
        ("adam_step", 2, (0.1, 0.9, 0.99, 1e-3, 0.3)),
    ],
)
def test_kernels_are_their_references(step, buffers, numbers, size, dtype):
    rng = np.random.default_rng(size)
    arrays = [rng.random(size).astype(dtype) for _ in range(2 + buffers)]
    copies = [array.copy() for array in arrays]
    none = [None] if step == "sgd_step" and not buffers else []
    getattr(kernels, step)(*arrays, *none, *numbers)
    getattr(reference, step)(*copies, *none, *numbers)
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_allclose(array, copy, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.peers
@EVERY_SETTING
def test_steps_are_those_of_pytorch(kind, options):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    params = random_arrays(rng)
    theirs = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in params.items()}
    optimizer = kind(**options)
    their_optimizer = getattr(torch.optim, kind.__name__)(theirs.values(), **options)
    for _ in range(12):
        grads = random_arrays(rng)
        optimizer.step(params, grads)
        for name, parameter in theirs.items():
            parameter.grad = torch.tensor(grads[name])
        their_optimizer.step()
        for name, parameter in theirs.items():
            np.testing.assert_allclose(
                params[name], parameter.detach().numpy(), rtol=1e-12, atol=1e-13
            )
    their_state = their_optimizer.state_dict()["state"]
    for position, name in enumerate(SHAPES):
        for buffer, value in their_state.get(position, {}).items():
            if value is not None and buffer != "step":
                ours = optimizer.state_dict()[f"{buffer}.{name}"]
                np.testing.assert_allclose(ours, value.numpy(), rtol=1e-12, atol=1e-13)


@EVERY_SETTING
def test_going_on_from_a_saved_state_is_exact(kind, options):
    rng = np.random.default_rng(0)
    params = random_arrays(rng, "float32")
    gradients = [random_arrays(rng, "float32") for _ in range(6)]
    optimizer = kind(**options)
    for grads in gradients[:3]:
        optimizer.step(params, grads)
    saved = optimizer.state_dict()
    copies = {name: value.copy() for name, value in params.items()}
    for grads in gradients[3:]:
        optimizer.step(params, grads)

    resumed = kind(**options)
    resumed.load_state_dict(saved)
    for value in saved.values():
        value[...] = -1  # what was handed over is the optimizer's own
    for grads in gradients[3:]:
        resumed.step(copies, grads)
    for name in SHAPES:
        np.testing.assert_array_equal(copies[name], params[name])
    assert resumed.steps == optimizer.steps == 6


def test_a_state_of_another_optimizer_is_refused():
    params, grads = {"w": np.ones(2)}, {"w": np.ones(2)}
    adam = Adam()
    adam.step(params, grads)
    momentum = SGD(0.1, momentum=0.9)
    with pytest.raises(ValueError, match=r"SGD keeps \['momentum_buffer'\], got 'exp_avg'"):
        momentum.load_state_dict(adam.state_dict())
    assert momentum.steps == 0
    with pytest.raises(ValueError, match="step"):
        momentum.load_state_dict({})


def test_a_state_counts_whole_steps_from_0_on():
    optimizer = SGD(0.1, momentum=0.9)
    optimizer.step({"w": np.ones(2)}, {"w": np.ones(2)})
    optimizer.load_state_dict(SGD(0.1, momentum=0.9).state_dict())
    assert optimizer.steps == 0 and optimizer.state == {"momentum_buffer": {}}
    for wrong in (-1, 0.5, [1, 2]):
        with pytest.raises(ValueError, match="step must be a number of steps"):
            optimizer.load_state_dict({"step": wrong})


def test_a_parameter_without_a_gradient_stays():
    params = {"w": np.ones(2), "frozen": np.ones(2)}
    Adam(0.1).step(params, {"w": np.ones(2)})
    assert params["frozen"].tolist() == [1, 1] and params["w"][0] < 1


@pytest.mark.parametrize("optimizer", [SGD(0.1), Adam()], ids=["SGD", "Adam"])
def test_gradients_that_do_not_fit_change_nothing(optimizer):
    params = {"w": np.ones((2, 3)), "b": np.ones(3)}
    with pytest.raises(KeyError, match="no parameter 'v'; there are w, b"):
        optimizer.step(params, {"w": np.ones((2, 3)), "v": np.ones(3)})
    with pytest.raises(ValueError, match=r"'b' must have shape \(3,\), got \(2, 3\)"):
        optimizer.step(params, {"w": np.ones((2, 3)), "b": np.ones((2, 3))})
    assert (params["w"] == 1).all() and optimizer.steps == 0


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "uint8", "bool"])
def test_a_gradient_of_another_dtype_is_taken_as_numbers(dtype):
    params = {"w": np.zeros(3, np.float32)}
    SGD(0.5).step(params, {"w": np.ones(3, dtype)})
    assert params["w"].tolist() == [-0.5] * 3 and params["w"].dtype == np.float32


@pytest.mark.parametrize("dtype", ["complex128", "U1"])
def test_a_gradient_without_real_numbers_is_refused(dtype):
    with pytest.raises(TypeError, match="the gradient of 'w' must hold numbers, got dtype"):
        SGD(0.5).step({"w": np.zeros(3)}, {"w": np.ones(3, dtype)})


@pytest.mark.parametrize("param, got", [([1.0], "list"), (np.array([1]), "int64")])
def test_a_parameter_that_cannot_be_stepped_is_refused(param, got):
    with pytest.raises(TypeError, match=f"must be an array of float32 or float64, got {got}"):
        SGD(0.1).step({"w": param}, {"w": np.array([1.0])})


def test_an_optimizer_knows_the_shapes_that_it_has_stepped():
    optimizer, w = SGD(0.1, momentum=0.9), np.zeros(3)
    optimizer.step({"w": w}, {"w": np.ones(3)})
    optimizer.step({"w": w}, {"w": np.ones(3, np.float32)})
    np.testing.assert_allclose(w, -0.1 * (1 + 1.9), rtol=1e-12)
    with pytest.raises(ValueError, match=r"keeps momentum_buffer of shape \(3,\)"):
        optimizer.step({"w": np.zeros(4)}, {"w": np.ones(4)})


def test_decay_can_spare_biases_and_is_off_in_an_optimizer_of_ones_own():
    params = {"W": np.ones((1, 1)), "b": np.ones(1)}
    grads = {name: np.zeros_like(value) for name, value in params.items()}
    SGD(0.1, weight_decay=0.5, decay_biases=False).step(params, grads)
    assert (params["W"].item(), params["b"].item()) == (0.95, 1.0)
    assert Optimizer(0.1).weight_decay == 0
    assert (SGD().lr, Adam().lr, AdamW().lr) == (0.01, 0.001, 0.001)


def test_parameters_in_any_layout():
    wide = np.ones((4, 6))
    for params in (wide.T, wide[::2], np.asfortranarray(wide), np.array(1.0)):
        for optimizer in (SGD(0.5), SGD(0.5, momentum=0.9), Adam(0.5)):
            before = params.copy()
            optimizer.step({"w": params}, {"w": np.ones(params.shape)})
            np.testing.assert_allclose(params, before - 0.5, rtol=1e-7)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: SGD(-0.1), "lr must be at least 0"),
        (lambda: SGD(math.inf), "lr must be at least 0 and finite"),
        (lambda: SGD(0.1, momentum=-1), "momentum"),
        (lambda: SGD(0.1, nesterov=True), "nesterov needs a momentum"),
        (lambda: SGD(0.1, weight_decay=-1), "weight_decay"),
        (lambda: Adam(betas=(0.9, 1.5)), r"betas must lie in \[0, 1\)"),
        (lambda: Adam(betas=(0.9, 1.0)), r"betas must lie in \[0, 1\)"),
        (lambda: Adam(eps=-1), "eps"),
        (lambda: step_decay(0.1, every=0), "every must be at least 1"),
        (lambda: warmup(0.1, steps=0), "steps must be at least 1"),
        (lambda: cosine_decay(0.1, steps=0), "steps must be at least 1"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_learning_rate_of_text_is_refused():
    with pytest.raises(TypeError, match="lr must be a real number, got 'fast'"):
        SGD("fast")


class TestClipping:
    def test_a_long_gradient_keeps_its_direction(self):
        rng = np.random.default_rng(0)
        grads = random_arrays(rng)
        before = {name: grad.copy() for name, grad in grads.items()}
        norm = clip_gradients(grads, 2.0)
        flat = np.concatenate([grad.ravel() for grad in grads.values()])
        assert norm == pytest.approx(math.sqrt(sum((g**2).sum() for g in before.values())))
        assert np.linalg.norm(flat) == pytest.approx(2.0)
        for name in grads:
            np.testing.assert_allclose(grads[name], before[name] * 2 / norm)

    def test_a_short_gradient_stays(self):
        grads = {"w": np.array([0.3, 0.4])}
        assert clip_gradients(grads, 1.0) == pytest.approx(0.5)
        assert grads["w"].tolist() == [0.3, 0.4]

    def test_float32_does_not_overflow(self):
        grads = {"w": np.full(4, 1e30, np.float32)}
        assert clip_gradients(grads, 1.0) == pytest.approx(2e30)
        np.testing.assert_allclose(grads["w"], 0.5, rtol=1e-6)

    def test_nan_is_not_hidden(self):
        grads = {"w": np.array([1.0, np.nan])}
        assert math.isnan(clip_gradients(grads, 1.0))

    @pytest.mark.peers
    def test_pytorch_agrees(self):
        torch = pytest.importorskip("torch")
        grads = random_arrays(np.random.default_rng(0))
        theirs = [torch.nn.Parameter(torch.zeros(shape)) for shape in SHAPES.values()]
        for parameter, grad in zip(theirs, grads.values(), strict=True):
            parameter.grad = torch.tensor(grad, dtype=torch.float32)
        their_norm = torch.nn.utils.clip_grad_norm_(theirs, 2.0)
        assert clip_gradients(grads, 2.0) == pytest.approx(their_norm.item(), rel=1e-6)
        for parameter, grad in zip(theirs, grads.values(), strict=True):
            np.testing.assert_allclose(grad, parameter.grad.numpy(), rtol=1e-5, atol=1e-7)


class TestSchedules:
    def test_the_first_step_is_step_0(self):
        params = {"w": np.zeros(1)}
        seen = []

        def schedule(step):
            seen.append(step)
            return 10.0**-step

        optimizer = SGD(schedule)
        for _ in range(3):
            optimizer.step(params, {"w": np.ones(1)})
        assert seen == [0, 1, 2]
        assert params["w"][0] == pytest.approx(-1.11)
        assert optimizer.learning_rate == pytest.approx(1e-3)

    def test_a_resumed_schedule_goes_on(self):
        first = SGD(exponential_decay(1.0, factor=0.5))
        first.step({"w": np.zeros(1)}, {"w": np.ones(1)})
        second = SGD(exponential_decay(1.0, factor=0.5))
        second.load_state_dict(first.state_dict())
        assert second.learning_rate == 0.5

    def test_warmup_of_a_schedule(self):
        schedule = warmup(cosine_decay(1.0, steps=100), steps=10)
        assert schedule(0) == pytest.approx(0.1)
        assert schedule(50) == pytest.approx(0.5)
        assert schedule(100) == pytest.approx(0)

    def test_cosine_ends_at_its_end(self):
        schedule = cosine_decay(1.0, steps=4, end=0.2)
        assert [round(schedule(s), 3) for s in range(6)] == [1, 0.883, 0.6, 0.317, 0.2, 0.2]

    @pytest.mark.peers
    @pytest.mark.parametrize(
        "ours, theirs",
        [
            (step_decay(1.0, every=3, factor=0.5), lambda s, o: s.StepLR(o, 3, 0.5)),
            (exponential_decay(1.0, factor=0.9), lambda s, o: s.ExponentialLR(o, 0.9)),
            (cosine_decay(1.0, steps=8, end=0.1), lambda s, o: s.CosineAnnealingLR(o, 8, 0.1)),
        ],
    )
    def test_pytorch_agrees(self, ours, theirs):
        torch = pytest.importorskip("torch")
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler = theirs(torch.optim.lr_scheduler, optimizer)
        for step in range(8):
            assert ours(step) == pytest.approx(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
