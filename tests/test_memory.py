"""Nothing that a caller passes reads or writes outside an array.

Each case runs in a process of its own, because a fault here ends the interpreter.
"""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import smnn

PREPARED = """
import numpy as np, smnn
x, y = smnn.make_moons(50, rng=0)
def model(width):
    made = smnn.Sequential([smnn.Dense(width, "tanh"), smnn.Dense(3)], rng=0)
    made(x)
    return made
def step(optimizer, made):
    grads = {name: np.ones_like(value) for name, value in made.params.items()}
    optimizer.step(made.params, grads)
"""
OPTIMIZERS = {
    "SGD": "smnn.SGD(0.1)",
    "momentum": "smnn.SGD(0.1, momentum=0.9)",
    "Nesterov": "smnn.SGD(0.1, momentum=0.9, nesterov=True)",
    "Adam": "smnn.Adam(0.1)",
    "AdamW": "smnn.AdamW(0.1)",
}


def run(code):
    """Run code after `PREPARED`; return what it prints, or fail with how it ended."""
    done = subprocess.run(
        [sys.executable, "-c", PREPARED + textwrap.dedent(code)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-500:]}"
    return done.stdout.strip()


def test_an_optimizer_of_another_model_is_refused():
    """Plain gradient descent keeps nothing of a model and steps them all."""
    found = run(f"""
    for make in ({", ".join(f"lambda: {one}" for one in OPTIMIZERS.values())}):
        for widths in ((4, 512), (512, 4)):
            optimizer = make()
            for width in widths:
                made = model(width)
                before = {{k: v.copy() for k, v in made.params.items()}}
                try:
                    step(optimizer, made)
                except ValueError as error:
                    assert "make a new optimizer" in str(error)
                    assert all(np.array_equal(before[k], v) for k, v in made.params.items())
                    print("refused")
    """)
    assert found.splitlines() == ["refused"] * 2 * (len(OPTIMIZERS) - 1)


def test_a_loaded_state_of_another_shape_is_refused():
    found = run(f"""
    for make in ({", ".join(f"lambda: {one}" for one in OPTIMIZERS.values())}):
        made, optimizer = model(512), make()
        step(optimizer, made)
        for shape in ((1,), (3, 3), (0,), (), (4, 512, 2)):
            state = optimizer.state_dict()
            state = {{k: v if k == "step" else np.zeros(shape) for k, v in state.items()}}
            fresh = make()
            fresh.load_state_dict(state)
            try:
                step(fresh, made)
            except ValueError as error:
                assert "shape" in str(error)
                print("refused")
    """)
    assert found.splitlines() == ["refused"] * 5 * (len(OPTIMIZERS) - 1)


def test_labels_in_the_memory_of_the_result():
    assert (
        run("""
    logits = np.random.default_rng(0).normal(size=(7, 60))
    given = [3, 1, 4, 1, 5, 9, 2]
    expected = smnn.softmax_cross_entropy(logits, given)
    for options in ({}, {"weight": np.ones(60)}, {"reduction": "sum"}, {"label_smoothing": 0.1}):
        expected = smnn.softmax_cross_entropy(logits, given, **options)
        for dtype in (np.int64, np.int32, np.uint8):
            for place in (0, 1, 59):
                buffer = np.empty(7 * 60)
                labels = buffer.view(dtype)[place : place + 7]
                labels[:] = given
                loss, dlogits = smnn.softmax_cross_entropy(
                    logits, labels, out=buffer.reshape(7, 60), **options
                )
                assert loss == expected[0] and np.array_equal(dlogits, expected[1])
    print("right")
    """)
        == "right"
    )


def test_targets_weights_and_masks_in_the_memory_of_the_result():
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(5, 6)), rng.dirichlet(np.ones(6), size=5)
    expected = smnn.softmax_cross_entropy(logits, targets)[1]
    buffer = targets.copy()
    np.testing.assert_array_equal(
        smnn.softmax_cross_entropy(logits, buffer, out=buffer)[1], expected
    )
    shifted = np.empty(31)
    shifted[:30] = targets.reshape(-1)
    found = smnn.softmax_cross_entropy(
        logits, shifted[:30].reshape(5, 6), out=shifted[1:].reshape(5, 6)
    )[1]
    np.testing.assert_array_equal(found, expected)
    buffer = np.empty((5, 6))
    weight = buffer[0]
    weight[:] = np.arange(6) + 1.0
    expected = smnn.softmax_cross_entropy(logits, [0, 1, 2, 3, 4], weight=weight.copy())[1]
    found = smnn.softmax_cross_entropy(logits, [0, 1, 2, 3, 4], weight=weight, out=buffer)[1]
    np.testing.assert_array_equal(found, expected)
    buffer = np.empty((5, 6))
    rows = buffer.reshape(-1)[7:12]
    rows[:] = np.arange(5) + 1.0
    expected = smnn.softmax_cross_entropy(logits, [0, 1, 2, 3, 4], sample_weight=rows.copy())[1]
    found = smnn.softmax_cross_entropy(logits, [0, 1, 2, 3, 4], sample_weight=rows, out=buffer)[1]
    np.testing.assert_array_equal(found, expected)
    for function in (smnn.softmax, smnn.log_softmax):
        buffer = np.zeros((5, 6))
        where = buffer.view(bool).reshape(-1)[11:41].reshape(5, 6)
        where[:] = rng.random((5, 6)) < 0.5
        expected = function(logits, where=where.copy())
        np.testing.assert_array_equal(function(logits, where=where, out=buffer), expected)


def test_a_label_out_of_range_leaves_the_given_array_as_it_was():
    logits = np.random.default_rng(0).normal(size=(40, 6))
    for labels in ([0] * 39 + [6], [7] + [0] * 39, [-1] + [0] * 39):
        for options in ({}, {"reduction": "sum"}, {"weight": np.ones(6)}):
            buffer = logits.copy()
            with pytest.raises(IndexError, match="out of range"):
                smnn.softmax_cross_entropy(buffer, np.array(labels), out=buffer, **options)
            np.testing.assert_array_equal(buffer, logits)


def test_labels_that_another_thread_changes_during_the_call():
    run("""
    import threading
    logits = np.random.default_rng(0).normal(size=(20000, 50)).astype(np.float32)
    labels = np.zeros(20000, np.int64)
    stop = threading.Event()
    def disturb():
        while not stop.is_set():
            labels[::7] = 2**60
            labels[::7] = 0
    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for _ in range(30):
            try:
                smnn.softmax_cross_entropy(logits, labels)
            except IndexError:
                pass
    finally:
        stop.set()
        thread.join()
    """)


PARAMS = {
    "integers": np.array([1, 2]),
    "booleans": np.array([True, False]),
    "float16": np.array([1.0, 2.0], np.float16),
    "complex": np.array([1j, 2]),
    "a list": [1.0, 2.0],
}


@pytest.mark.parametrize("kind", PARAMS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_refuse_what_they_cannot_step(name, kind):
    optimizer = eval(OPTIMIZERS[name])
    with pytest.raises(TypeError, match="parameter 'w' must be an array of float32 or float64"):
        optimizer.step({"w": PARAMS[kind]}, {"w": np.ones(2)})
    assert optimizer.steps == 0


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parameters_and_gradients_of_every_layout_step_alike(name):
    grad = np.arange(6.0).reshape(2, 3)
    plain = {"w": np.ones((2, 3))}
    eval(OPTIMIZERS[name]).step(plain, {"w": grad})
    for param in (
        np.ones((2, 3), order="F"),
        np.ones((2, 6))[:, ::2],
        np.ones((2, 3))[::-1],
        np.ones(49, np.uint8)[1:].view(np.uint8)[:48].view(np.float64).reshape(2, 3),
    ):
        param[...] = 1
        for given in (grad, grad.astype(np.int64), grad.tolist(), np.asfortranarray(grad)):
            param[...] = 1
            eval(OPTIMIZERS[name]).step({"w": param}, {"w": given})
            np.testing.assert_allclose(param, plain["w"], 1e-12)
    single = {"w": np.ones((2, 3), np.float32)}
    eval(OPTIMIZERS[name]).step(single, {"w": grad})
    assert single["w"].dtype == np.float32


def test_clipping_scales_shared_memory_once():
    memory = np.array([3.0, 4.0])
    grads = {"a": memory, "b": memory}
    norm = smnn.clip_gradients(grads, 1.0)
    assert norm == pytest.approx(np.sqrt(50))
    np.testing.assert_allclose(memory, np.array([3.0, 4.0]) / norm)
