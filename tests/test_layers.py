"""Layers: values, shapes, names, errors.  Their gradients are in test_gradients.py."""

import numpy as np
import pytest

from smnn import Activation, Dense, Dropout, Embedding, Flatten, PReLU, ShapeError, relu, softmax
from smnn.layers import Layer

X = np.arange(12.0).reshape(3, 4) - 5


class TestActivation:
    def test_by_name_by_function_and_as_an_argument(self):
        expected = np.maximum(X, 0)
        for layer in (Activation("relu"), Activation(relu), Activation(lambda x: relu(x))):
            np.testing.assert_array_equal(layer(X), expected)
        dense = Dense(2, "relu", rng=0)
        z = Dense(2, rng=0, init="he")
        np.testing.assert_array_equal(dense(X), np.maximum(z(X), 0))

    def test_a_known_function_is_kept_by_its_name(self):
        assert repr(Activation(softmax)) == "Activation('softmax')"

    def test_unknown_names_list_the_known_ones(self):
        for make in (Activation, lambda name: Dense(3, name)):
            with pytest.raises(ValueError, match=r"'identity', 'step', .*'relu'.*got 'rellu'"):
                make("rellu")

    def test_a_layer_is_no_activation(self):
        """Its slopes would never learn."""
        with pytest.raises(TypeError, match=r"a name or a function, got the layer PReLU\(\)"):
            Dense(3, PReLU())

    def test_options_go_to_the_function(self):
        assert Activation("leaky_relu", slope=0.5)(np.array([-2.0])) == -1
        with pytest.raises(TypeError, match="slop"):
            Activation("leaky_relu", slop=0.5)

    def test_a_wrong_derivative_is_refused(self):
        with pytest.raises(ValueError, match=r"derivative of .*sin.* is wrong: at x = .* it gives"):
            Activation(np.sin, derivative=lambda x: -np.cos(x))
        with pytest.raises(ValueError, match="it gives nan"):
            Activation(np.sin, derivative=lambda x: x * np.nan)
        Activation(np.log, derivative=lambda x: 1 / x)  # compared only where both are finite

    def test_without_a_derivative_it_is_measured(self):
        _, backward = Activation(np.sinh).forward(np.array([[0.5, 1.0]]))
        dx, grads = backward(np.array([[1.0, 2.0]]))
        np.testing.assert_allclose(dx, [[np.cosh(0.5), 2 * np.cosh(1)]], rtol=1e-9)
        assert grads == {}

    def test_own_functions_keep_the_dtype(self):
        y, backward = Activation(np.sinh).forward(X.astype(np.float32))
        assert y.dtype == backward(y)[0].dtype == np.float32

    def test_a_function_that_changes_the_shape_is_refused(self):
        with pytest.raises(ShapeError, match=r"must keep the shape \(3, 4\), it gave \(3,\)"):
            Activation(lambda x: x.sum(axis=-1))(X)


class TestDense:
    def test_value(self):
        layer = Dense(2)
        layer.build((4,), rng=0)
        layer.params["b"][...] = [1, 2]
        np.testing.assert_allclose(layer(X), X @ layer.params["W"] + [1, 2])

    def test_many_axes_are_kept(self):
        layer = Dense(3, rng=0)
        assert layer.build((5, 4)) == (5, 3)
        assert layer(np.ones((2, 5, 4))).shape == (2, 5, 3)

    def test_no_bias(self):
        layer = Dense(2, use_bias=False)
        y, backward = layer.forward(X)
        assert list(layer.params) == list(backward(y)[1]) == ["W"]

    def test_shape_errors_name_the_layer_and_both_shapes(self):
        layer = Dense(2, "tanh")
        layer.build((4,))
        with pytest.raises(ShapeError, match=r"Dense\(2, 'tanh'\) .*\(…, 4\), got \(3, 5\)"):
            layer(np.ones((3, 5)))
        with pytest.raises(ShapeError, match=r"got \(\)"):
            Dense(2).build(())

    def test_building_again_keeps_the_parameters(self):
        layer = Dense(2, rng=0)
        layer.build((4,))
        before = layer.params["W"]
        layer.build((4,))
        assert layer.params["W"] is before

    @pytest.mark.parametrize("units", [0, -1])
    def test_units_are_counted(self, units):
        with pytest.raises(ValueError, match=f"units must be at least 1, got {units}"):
            Dense(units)
        with pytest.raises(TypeError, match=r"units must be an integer, got 2\.5"):
            Dense(2.5)

    def test_the_input_gradient_can_be_left_out(self):
        layer = Dense(2, "tanh", rng=0)
        y, backward = layer.forward(X)
        dx, grads = backward(y)
        nothing, same = backward(y, input_gradient=False)
        assert nothing is None and dx.shape == X.shape
        np.testing.assert_array_equal(grads["W"], same["W"])

    def test_init_takes_a_function(self):
        layer = Dense(2, init=lambda shape, *, rng, dtype: np.full(shape, 7, dtype))
        layer.build((4,))
        assert (layer.params["W"] == 7).all()
        with pytest.raises(ValueError, match="'auto', 'zeros'"):
            Dense(2, init="xavier")

    def test_auto_follows_the_activation(self):
        he, glorot = Dense(300, "relu", rng=0), Dense(300, "tanh", rng=0)
        he.build((300,)), glorot.build((300,))
        assert he.params["W"].var() == pytest.approx(2 / 300, rel=0.03)
        assert glorot.params["W"].var() == pytest.approx(1 / 300, rel=0.03)


class TestForwardLogits:
    """What `fit` uses so that softmax and loss are computed together."""

    def test_a_final_softmax_is_left_out(self):
        assert Activation("softmax").forward_logits(X)[0] is X
        layer = Dense(3, "softmax", rng=0)
        z, backward = layer.forward_logits(X)
        np.testing.assert_allclose(softmax(z), layer(X), rtol=1e-14)
        _, grads = backward(z)
        np.testing.assert_allclose(grads["W"], X.T @ z)

    def test_only_the_asked_for_link_is_left_out(self):
        for layer in (Dense(3, "relu", rng=0), Dense(3, "sigmoid", rng=0), Dense(3, rng=0)):
            np.testing.assert_array_equal(layer.forward_logits(X)[0], layer(X))
        layer = Dense(3, "sigmoid", rng=0)
        assert not np.array_equal(layer.forward_logits(X, output_activation="sigmoid")[0], layer(X))

    def test_a_scaled_sigmoid_is_not_the_link(self):
        layer = Activation("sigmoid", scale=2.0)
        logits, _ = layer.forward_logits(X, output_activation="sigmoid")
        np.testing.assert_array_equal(logits, layer(X))


class TestPReLU:
    def test_slopes_start_at_a_quarter_and_there_is_one_a_feature(self):
        layer = PReLU()
        np.testing.assert_array_equal(layer(X), np.where(X > 0, X, X / 4))
        assert layer.params["slope"].shape == (4,)

    def test_shape_error(self):
        layer = PReLU()
        layer.build((4,))
        with pytest.raises(ShapeError, match=r"PReLU\(\) expects inputs of shape \(…, 4\)"):
            layer(np.ones((3, 5)))


class TestDropout:
    def test_p_is_the_share_that_is_dropped(self):
        x = np.ones((200, 500))
        y, _ = Dropout(0.3, rng=0).forward(x, training=True)
        assert (y == 0).mean() == pytest.approx(0.3, abs=0.01)
        assert y.mean() == pytest.approx(1, abs=0.01)
        assert set(np.unique(y.round(12))) == {0, round(1 / 0.7, 12)}

    def test_the_way_back_uses_the_same_mask(self):
        x = np.ones((20, 50))
        y, backward = Dropout(0.3, rng=0).forward(x, training=True)
        np.testing.assert_array_equal(backward(x)[0], y)

    def test_a_call_draws_a_new_mask_and_disturbs_no_earlier_one(self):
        layer, x = Dropout(0.5, rng=0), np.ones((8, 8))
        first, backward = layer.forward(x, training=True)
        second, _ = layer.forward(x, training=True)
        assert not np.array_equal(first, second)
        np.testing.assert_array_equal(backward(x)[0], first)

    def test_it_does_nothing_when_not_training(self):
        y, backward = Dropout(0.5).forward(X)
        assert y is X and backward(X)[0] is X

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_dtype_is_kept(self, dtype):
        assert Dropout(0.5, rng=0).forward(X.astype(dtype), training=True)[0].dtype == dtype

    def test_bad_shares(self):
        for p in (-0.1, 1.5):
            with pytest.raises(ValueError, match=r"p must lie in \[0, 1\]"):
                Dropout(p)
        with pytest.raises(ValueError, match="less than 1"):
            Dropout(1)


class TestEmbedding:
    def test_it_is_a_one_hot_product(self):
        layer, words = Embedding(5, 3, rng=0), np.array([[0, 4], [4, 2]])
        y = layer(words)
        np.testing.assert_array_equal(y, np.eye(5)[words] @ layer.params["W"])

    @pytest.mark.parametrize("word", [-1, 5])
    def test_out_of_range(self, word):
        with pytest.raises(IndexError, match=r"rows 0 … 4, got integers from"):
            Embedding(5, 3)(np.array([[0, word]]))

    def test_floats_are_refused(self):
        with pytest.raises(TypeError, match=r"Embedding\(5, 3\) expects integers, got .*float64"):
            Embedding(5, 3)(np.array([[0.0]]))


def test_flatten_of_an_empty_batch():
    assert Flatten()(np.zeros((0, 2, 3))).shape == (0, 6)
    assert Flatten().build((2, 3)) == (6,)


@pytest.mark.parametrize(
    "layer",
    [Dense(3, "relu", input_shape=(4,)), Dense(3, use_bias=False), Activation("elu", alpha=2.0),
     PReLU(0.1), Dropout(0.5), Embedding(5, 3), Flatten(input_shape=(2, 3))],
    ids=repr,
)  # fmt: skip
def test_repr_makes_the_layer_again(layer):
    again = eval(repr(layer))
    assert repr(again) == repr(layer)
    assert again.config() == layer.config()


def test_a_layer_is_stateless():
    """Two forward passes, then their two ways back in the wrong order."""
    layer = Dense(2, "tanh", rng=0)
    one, other = X, X[::-1] * 2
    y1, back1 = layer.forward(one)
    y2, back2 = layer.forward(other)
    grads2, grads1 = back2(y2)[1], back1(y1)[1]
    fresh = layer.forward(one)[1](y1)[1]
    np.testing.assert_array_equal(grads1["W"], fresh["W"])
    assert not np.array_equal(grads1["W"], grads2["W"])


def test_a_layer_that_changes_no_shape_needs_no_build():
    layer = type("Double", (Layer,), {"forward": lambda self, x, training=False: (2 * x, None)})()
    assert layer.build([3, 4]) == (3, 4)
    np.testing.assert_array_equal(layer(X), 2 * X)


def test_a_layer_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Half has no forward"):
        type("Half", (Layer,), {})()(X)
