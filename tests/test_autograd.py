"""The tape.  Its operations are checked one by one in test_gradients.py."""

import numpy as np
import pytest

from smnn import (
    ACTIVATIONS,
    Dense,
    Embedding,
    Sequential,
    Tensor,
    apply,
    apply_layer,
    apply_loss,
    mse,
    softmax_cross_entropy,
    with_pullback,
)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((6, 4))
Y = np.array([0, 2, 1, 1, 0, 2])


def tensors_of(layer):
    return {name: Tensor(value) for name, value in layer.params.items()}


class TestTape:
    def test_a_value_used_twice_receives_both_gradients(self):
        x = Tensor(3.0)
        y = x * x + x
        y.backward()
        assert x.grad == 7

    def test_a_diamond_is_walked_in_the_right_order(self):
        """The long way round must be finished before the node where both ways meet."""
        x = Tensor(2.0)
        middle = x * 3
        far = ((middle * middle) * middle) * middle
        (middle + far).backward()
        assert middle.grad == 1 + 4 * 6.0**3
        assert x.grad == 3 * middle.grad

    def test_gradients_add_up_over_calls_for_every_node(self):
        x = Tensor([1.0, 2.0])
        square = x * x
        total = square.sum()
        total.backward()
        total.backward()
        assert x.grad.tolist() == [4, 8]
        assert square.grad.tolist() == [2, 2]

    def test_depth(self):
        x = Tensor(1.0)
        y = x
        for _ in range(20_000):
            y = y + 1e-9
        y.backward()
        assert x.grad == 1

    def test_a_graph_that_doubles_is_walked_once(self):
        x = Tensor(1.0)
        y = x
        for _ in range(200):
            y = y + y
        y.backward()
        assert x.grad == 2.0**200

    def test_arrays_and_numbers_on_the_left(self):
        x = Tensor([1.0, 2.0])
        for y in (np.array([3.0, 4.0]) * x, np.float64(3) - x, 1 / x, np.eye(2) @ x, 2 + x):
            assert isinstance(y, Tensor)
        y = np.array([3.0, 4.0]) * x
        y.backward(np.ones(2))
        assert x.grad.tolist() == [3, 4]

    def test_one_number_needs_no_gradient_to_start_from(self):
        with pytest.raises(ValueError, match=r"shape \(2,\) needs the gradient"):
            Tensor([1.0, 2.0]).backward()
        with pytest.raises(ValueError, match=r"shape \(2,\), got \(3,\)"):
            Tensor([1.0, 2.0]).backward(np.ones(3))

    def test_dtype_is_kept(self):
        x = Tensor(np.ones((2, 3), np.float32))
        y = ((x * 2.0 + 1).exp().mean() + x.max() - x[0, 1]) / 3
        y.backward()
        assert y.data.dtype == x.grad.dtype == np.float32

    def test_equal_maxima_share_the_gradient(self):
        x = Tensor([1.0, 5.0, 5.0])
        x.max().backward()
        assert x.grad.tolist() == [0, 0.5, 0.5]

    def test_text_is_refused(self):
        with pytest.raises(TypeError, match="data must hold"):
            Tensor(["a"])

    def test_looks(self):
        x = Tensor([[1.0, 2.0]])
        assert repr(x) == "Tensor([[1., 2.]])"
        assert (x.shape, x.ndim, len(x), x.sum().item()) == ((1, 2), 2, 1, 3.0)

    def test_a_forward_with_too_few_gradients_is_refused(self):
        y = apply(lambda a, b: (a + b, lambda dy: (dy,)), Tensor(1.0), Tensor(2.0))
        with pytest.raises(ValueError):
            y.backward()


class TestLayersOnTheTape:
    def test_a_model_agrees_with_its_own_pullback(self):
        model = Sequential([Dense(5, "tanh"), Dense(3)], rng=0)
        model.build((4,))
        params, x = tensors_of(model), Tensor(X)
        apply_loss(softmax_cross_entropy, apply_layer(model, x, params), Y).backward()

        logits, backward = model.forward(X)
        dx, grads = backward(softmax_cross_entropy(logits, Y)[1])
        np.testing.assert_allclose(x.grad, dx)
        for name, tensor in params.items():
            np.testing.assert_allclose(tensor.grad, grads[name])

    def test_a_layer_agrees_with_operations_on_the_tape(self):
        layer = Dense(3, "gelu", rng=0)
        layer.build((4,))
        W, b, x = *tensors_of(layer).values(), Tensor(X)
        params, x2 = tensors_of(layer), Tensor(X)
        dy = RNG.standard_normal((6, 3))
        apply(with_pullback(*ACTIVATIONS["gelu"]), x @ W + b).backward(dy)
        apply_layer(layer, x2, params).backward(dy)
        np.testing.assert_allclose(params["W"].grad, W.grad)
        np.testing.assert_allclose(params["b"].grad, b.grad)
        np.testing.assert_allclose(x2.grad, x.grad)

    def test_shared_two_inputs_two_outputs(self):
        """One encoder reads two inputs; a class and a number come out; the tape does the rest."""
        encoder, classes, number = Dense(3, "tanh", rng=0), Dense(3, rng=1), Dense(1, rng=2)
        encoder.build((4,)), classes.build((3,)), number.build((3,))
        params = [tensors_of(layer) for layer in (encoder, classes, number)]
        a, b = X, X[::-1] * 0.5
        target = RNG.standard_normal((6, 1))

        def loss():
            difference = apply_layer(encoder, a, params[0]) - apply_layer(encoder, b, params[0])
            class_loss = apply_loss(
                softmax_cross_entropy, apply_layer(classes, difference, params[1]), Y
            )
            return class_loss + apply_loss(mse, apply_layer(number, difference, params[2]), target)

        loss().backward()
        for tensors in params:
            for tensor in tensors.values():
                numeric = np.empty(tensor.shape)
                for index in np.ndindex(tensor.shape):
                    here = tensor.data[index]
                    tensor.data[index] = here + 1e-6
                    above = loss().item()
                    tensor.data[index] = here - 1e-6
                    numeric[index] = (above - loss().item()) / 2e-6
                    tensor.data[index] = here
                np.testing.assert_allclose(tensor.grad, numeric, atol=2e-9)

    def test_words(self):
        embedding = Embedding(5, 3, rng=0)
        embedding.build((2,))
        params = tensors_of(embedding)
        apply_layer(embedding, np.array([[1, 1], [4, 0]]), params).sum().backward()
        assert params["W"].grad[:, 0].tolist() == [1, 2, 0, 0, 1]

    def test_tensors_that_are_not_the_layers_own_are_refused(self):
        layer = Dense(2)
        layer.build((4,))
        copies = {name: Tensor(value.copy()) for name, value in layer.params.items()}
        for params in (copies, {"W": Tensor(layer.params["W"])}):
            with pytest.raises(ValueError, match="params must hold Tensor"):
                apply_layer(layer, X, params)

    def test_training_on_the_tape(self):
        """Ten lines that learn XOR."""
        layers = Sequential([Dense(8, "tanh", input_shape=(2,)), Dense(2)], rng=0)
        x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]]), [0, 1, 1, 0]
        for _ in range(300):
            params = tensors_of(layers)
            apply_loss(softmax_cross_entropy, apply_layer(layers, x, params), y).backward()
            for tensor in params.values():
                tensor.data -= 0.5 * tensor.grad
        assert layers(x).argmax(axis=1).tolist() == y
