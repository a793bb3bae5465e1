"""Sequential: shapes, names, sharing, files, and composition beyond a chain."""

import copy
import json
import os

import numpy as np
import pytest

import smnn
from smnn import (
    SGD,
    Activation,
    Adam,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    PReLU,
    Sequential,
    ShapeError,
    softmax_cross_entropy,
)
from smnn.layers import Layer

X = np.random.default_rng(0).standard_normal((6, 4))
Y = np.array([0, 2, 1, 1, 0, 2])


def small(**options):
    return Sequential([Dense(5, "tanh"), Dropout(0.5), Dense(3, "softmax")], rng=0, **options)


def numerical_gradient(array, loss):
    """The gradient of ``loss()`` with respect to an array that it reads."""
    here = array.copy()

    def loss_at(value):
        array[...] = value
        return loss()

    gradient = smnn.numerical_jacobian(loss_at, here)
    array[...] = here
    return gradient


class TestShapes:
    def test_the_keras_snippet(self):
        model = Sequential([
            Dense(32, input_shape=(784,)), Activation("relu"), Dense(10), Activation("softmax"),
        ])  # fmt: skip
        assert {k: v.shape for k, v in model.params.items()} == {
            "0.W": (784, 32), "0.b": (32,), "2.W": (32, 10), "2.b": (10,),
        }  # fmt: skip
        np.testing.assert_allclose(model(np.ones((2, 784))).sum(axis=1), 1)

    def test_from_the_first_batch(self):
        model = small()
        with pytest.raises(RuntimeError, match="give the first layer an input_shape"):
            _ = model.params
        assert model(X).shape == (6, 3)
        assert model.params["0.W"].shape == (4, 5)
        assert model.input_shape == (4,)

    def test_images(self):
        model = Sequential([Flatten(input_shape=(8, 8)), Dense(10)])
        assert model(np.zeros((2, 8, 8))).shape == (2, 10)

    def test_errors_name_the_layer_its_index_and_both_shapes(self):
        model = small()
        model(X)
        with pytest.raises(ShapeError, match=r"layer 0: Dense\(5.*\(…, 4\), got \(6, 3\)"):
            model(X[:, :3])
        stale = Dense(2)
        stale.build((7,))
        with pytest.raises(ShapeError, match=r"layer 1: Dense\(2\) .*\(…, 7\), got \(5,\)"):
            Sequential([Dense(5), stale])(X)
        with pytest.raises(ShapeError, match=r"layer 1: .*input_shape=\(9,\).*\(5,\)"):
            Sequential([Dense(5, input_shape=(4,)), Dense(2, input_shape=(9,))])
        inner = Sequential([Dense(3), stale])
        with pytest.raises(ShapeError, match="layer 1: layer 1: Dense"):
            Sequential([Dense(5), inner])(X)

    def test_a_model_that_does_not_fit_is_not_built(self):
        model = Sequential([Dense(5), Dense(2, input_shape=(9,))])
        with pytest.raises(ShapeError):
            model(X)
        with pytest.raises(RuntimeError, match="no parameters yet"):
            _ = model.params

    def test_what_is_no_layer_is_refused(self):
        with pytest.raises(TypeError, match="takes layers, got 'relu'"):
            Sequential([Dense(3), "relu"])
        with pytest.raises(ValueError, match="at least one layer"):
            Sequential([])

    def test_an_empty_batch(self):
        model = small()
        model(X)
        y, backward = model.forward(X[:0], training=True)
        assert y.shape == (0, 3)
        assert not any(grad.any() for grad in backward(y)[1].values())


class TestDtype:
    @pytest.mark.parametrize("dtype", ["float32", "float64", np.float32])
    def test_everything_has_it(self, dtype):
        model = small(dtype=dtype)
        for x in (X, X.astype(np.float32), (X * 9).astype(int), (X > 0).astype(np.uint8)):
            y, backward = model.forward(x, training=True)
            dx, grads = backward(y)
            arrays = [y, dx, *grads.values(), *model.params.values()]
            assert {a.dtype for a in arrays} == {np.dtype(dtype)}

    def test_others_are_refused(self):
        with pytest.raises(ValueError, match="'float64', 'float32', got 'float16'"):
            small(dtype="float16")
        with pytest.raises(TypeError, match="x must hold"):
            small()(X + 1j)


class TestParams:
    def test_they_are_the_arrays_of_the_layers(self):
        model = small()
        model(X)
        assert model.params["2.b"] is model.layers[2].params["b"]
        model.params["2.b"][...] = [0, 0, 100]
        np.testing.assert_allclose(model(X)[:, 2], 1)

    def test_the_mapping_cannot_be_written(self):
        """An assignment would be lost without a word."""
        model = small()
        model(X)
        with pytest.raises(TypeError):
            model.params["2.b"] = np.zeros(3)

    def test_gradients_have_the_same_names_and_shapes(self):
        model = small()
        y, backward = model.forward(X, training=True)
        _, grads = backward(y)
        assert {k: v.shape for k, v in grads.items()} == {
            k: v.shape for k, v in model.params.items()
        }

    def test_the_same_seed_gives_the_same_weights(self):
        one, other = (small(), small())
        np.testing.assert_array_equal(one(X), other(X))

    def test_auto_follows_an_activation_layer(self):
        model = Sequential([Dense(300, input_shape=(300,)), Activation("relu"), Dense(300)], rng=0)
        assert model.params["0.W"].var() == pytest.approx(2 / 300, rel=0.03)
        assert model.params["2.W"].var() == pytest.approx(1 / 300, rel=0.03)
        model = Sequential([Dense(300, input_shape=(300,)), PReLU()], rng=0)
        assert model.params["0.W"].var() == pytest.approx(2 / 300, rel=0.03)


class TestBackward:
    def test_the_input_gradient_can_be_left_out(self):
        for layers in ([Flatten(), Dense(4, "tanh"), Dense(3)], [PReLU(), Dense(3)]):
            model = Sequential(layers, rng=0)
            y, backward = model.forward(X, training=True)
            dx, grads = backward(y)
            nothing, same = backward(y, input_gradient=False)
            assert dx.shape == X.shape
            assert nothing is None or isinstance(layers[0], PReLU)  # it costs PReLU nothing
            assert list(same) == list(grads)
            for name in grads:
                np.testing.assert_array_equal(same[name], grads[name])

    def test_a_model_without_parameters(self):
        model = Sequential([Activation("tanh")])
        y, backward = model.forward(X)
        assert backward(np.ones_like(y))[1] == {}
        assert not model.params

    def test_logits_of_a_final_softmax(self):
        for last in ([Dense(3, "softmax")], [Dense(3), Activation("softmax")]):
            for layers in (last, [Sequential(last)]):
                model = Sequential([Dense(5, "tanh"), *layers], rng=0)
                logits, backward = model.forward_logits(X, training=True)
                np.testing.assert_allclose(smnn.softmax(logits), model(X), rtol=1e-14)
                _, dlogits = softmax_cross_entropy(logits, Y)
                assert set(backward(dlogits)[1]) == set(model.params)

    def test_huge_logits_train_stably(self):
        """From softmax outputs, with logits of ±1e4."""
        model = Sequential([Dense(3, "softmax", init="zeros", input_shape=(4,))])
        model.params["0.W"][...] = np.outer([1, 0, 0, 0], [1e4, -1e4, 0])
        x, optimizer = np.tile([1.0, 0, 0, 0], (2, 1)), SGD(1e4)
        losses = []
        with np.errstate(all="raise", under="ignore"):
            for _ in range(5):
                logits, backward = model.forward_logits(x, training=True)
                loss, dlogits = softmax_cross_entropy(logits, [1, 1])
                optimizer.step(model.params, backward(dlogits)[1])
                losses.append(loss)
        assert losses[0] == 2e4
        assert losses[-1] == 0


class TestSharing:
    def test_a_layer_used_twice_gets_both_gradients(self):
        shared = Dense(4, "tanh", rng=0)
        model = Sequential([shared, Activation("relu"), shared], rng=0)
        y, backward = model.forward(X, training=True)
        assert list(model.params) == ["0.W", "0.b"]
        dy = np.random.default_rng(1).standard_normal(y.shape)
        _, grads = backward(dy)

        first, back1 = shared.forward(X)
        middle, back2 = Activation("relu").forward(first)
        _, back3 = shared.forward(middle)
        d_middle, grads3 = back3(dy)
        _, grads1 = back1(back2(d_middle)[0])
        np.testing.assert_allclose(grads["0.W"], grads1["W"] + grads3["W"])
        assert grads1["W"].any() and grads3["W"].any()

    def test_a_shared_layer_takes_one_step(self):
        shared = Dense(4, rng=0)
        model = Sequential([shared, shared], rng=0)
        y, backward = model.forward(X)
        _, grads = backward(y)
        before = model.params["0.W"].copy()
        SGD(0.1).step(model.params, grads)
        np.testing.assert_allclose(before - model.params["0.W"], 0.1 * grads["0.W"])

    def test_a_layer_shared_by_two_levels_has_one_name(self):
        shared = Dense(4, "tanh", rng=0)
        model = Sequential([shared, Sequential([shared, Dense(2, rng=1)])], rng=0)
        y, backward = model.forward(X)
        assert list(model.params) == ["0.W", "0.b", "1.1.W", "1.1.b"]
        dy = np.random.default_rng(1).standard_normal(y.shape)
        grads = backward(dy)[1]
        assert grads.keys() == model.params.keys()
        W = model.params["0.W"]
        W[0, 0] += 1e-6
        above = np.vdot(dy, model(X))
        W[0, 0] -= 2e-6
        assert grads["0.W"][0, 0] == pytest.approx((above - np.vdot(dy, model(X))) / 2e-6, rel=1e-6)

    def test_tied_weights(self):
        """An embedding whose vectors are also the weights of the output: one array, two roles."""
        words, following = np.array([[1, 4], [2, 2]]), np.array([3, 0])
        embedding = Embedding(5, 3, rng=0)
        embedding.build((2,))
        W = embedding.params["W"]

        def loss_and_gradient():
            vectors, embedding_back = embedding.forward(words)
            context = vectors.mean(axis=1)
            loss, dlogits = softmax_cross_entropy(context @ W.T, following)
            d_vectors = np.repeat((dlogits @ W)[:, None] / 2, 2, axis=1)
            return loss, embedding_back(d_vectors)[1]["W"] + dlogits.T @ context

        _, dW = loss_and_gradient()
        numeric = numerical_gradient(W, lambda: loss_and_gradient()[0])
        np.testing.assert_allclose(dW, numeric, atol=1e-9)


class TestBeyondAChain:
    """Pullbacks compose like the functions that they belong to, in reverse."""

    def test_two_inputs_and_two_outputs(self):
        """Two towers, joined; a class and a number come out, and both losses teach."""
        rng = np.random.default_rng(0)
        left, right = Dense(3, "tanh", rng=1), Dense(3, "tanh", rng=2)
        classes, number = Dense(3, rng=3), Dense(1, rng=4)
        layers = {"left": left, "right": right, "classes": classes, "number": number}
        a, b, target = rng.standard_normal((3, 6, 4))

        def loss_and_gradients():
            ha, back_left = left.forward(a)
            hb, back_right = right.forward(b)
            joined = np.concatenate([ha, hb], axis=1)
            logits, back_classes = classes.forward(joined)
            value, back_number = number.forward(joined)
            loss1, dlogits = softmax_cross_entropy(logits, Y)
            loss2, dvalue = smnn.mse(value, target[:, :1])

            grads = {}
            d1, grads["classes"] = back_classes(dlogits)
            d2, grads["number"] = back_number(dvalue)
            d_joined = d1 + d2  # used twice: the gradients add up
            _, grads["left"] = back_left(d_joined[:, :3])
            _, grads["right"] = back_right(d_joined[:, 3:])
            return loss1 + loss2, grads

        _, grads = loss_and_gradients()
        for name, layer in layers.items():
            numeric = numerical_gradient(layer.params["W"], lambda: loss_and_gradients()[0])
            np.testing.assert_allclose(grads[name]["W"], numeric, atol=1e-9)

    def test_a_residual_layer_of_ones_own(self):
        class Residual(Layer):
            def __init__(self, inner):
                super().__init__()
                self.inner = inner
                self.params = inner.params

            def build(self, input_shape, dtype="float64", rng=None):
                return self.inner.build(input_shape, dtype, rng)

            def forward(self, x, training=False):
                y, back = self.inner.forward(x, training)

                def backward(dy, input_gradient=True):
                    dx, grads = back(dy)
                    return dy + dx, grads

                return x + y, backward

        model = Sequential([Residual(Dense(4, "tanh")), Dense(3)], rng=0)
        assert smnn.check_layer(model, (4,))


class TestFiles:
    def test_round_trip(self, tmp_path):
        path = tmp_path / "model.safetensors"
        model = small(dtype="float32")
        model(X)
        model.save(path)
        again = Sequential.load(path)
        np.testing.assert_array_equal(again(X), model(X))
        assert repr(again) == repr(model)
        assert again.dtype == "float32"
        assert sorted(os.listdir(tmp_path)) == ["model.safetensors"]

    def test_shared_nested_and_optioned_layers(self, tmp_path):
        shared = Dense(4, Activation("leaky_relu", slope=0.3), init="orthogonal")
        inner = Sequential([shared, PReLU(0.1)])
        model = Sequential([Embedding(9, 4), Flatten(), Dense(4), shared, inner, shared], rng=0)
        words = np.array([[1, 2, 3], [4, 4, 8]])
        expected = model(words)
        model.save(tmp_path / "m")
        again = Sequential.load(tmp_path / "m")
        np.testing.assert_array_equal(again(words), expected)
        assert again.layers[3] is again.layers[5]
        assert list(again.params) == list(model.params)

    def test_layers_of_ones_own(self, tmp_path):
        class Scale(Layer):
            def __init__(self, by):
                super().__init__()
                self.by = by

            def forward(self, x, training=False):
                return self.by * x, lambda dy: (self.by * dy, {})

        model = Sequential([Scale(3.0), Dense(2)], rng=0)
        expected = model(X)
        model.save(tmp_path / "m")
        np.testing.assert_array_equal(Sequential.load(tmp_path / "m")(X), expected)

    def test_functions_cannot_be_saved(self, tmp_path):
        model = Sequential([Dense(3, np.sin)])
        model(X)
        with pytest.raises(ValueError, match="cannot be saved"):
            model.save(tmp_path / "m")
        assert not list(tmp_path.iterdir())

    def write(self, path, tensors=None, **metadata):
        from safetensors.numpy import save_file

        save_file(tensors or {"0.W": np.zeros((4, 3))}, path, metadata=metadata or None)
        return path

    def test_foreign_files_are_refused(self, tmp_path):
        foreign = self.write(tmp_path / "foreign")
        with pytest.raises(ValueError, match="foreign is no smnn model"):
            Sequential.load(foreign)
        other = self.write(tmp_path / "other", format="pt")
        with pytest.raises(ValueError, match="is no smnn model"):
            Sequential.load(other)
        (tmp_path / "text").write_text("Once upon a time there was a weight.")
        with pytest.raises(ValueError, match="is no smnn model"):
            Sequential.load(tmp_path / "text")
        with pytest.raises(FileNotFoundError):
            Sequential.load(tmp_path / "missing")

    def test_newer_versions_are_refused(self, tmp_path):
        newer = self.write(tmp_path / "newer", format="smnn model", version="3", text="?")
        with pytest.raises(ValueError, match=r"version 3, written by a newer smnn; .* up to 2"):
            Sequential.load(newer)

    @pytest.mark.parametrize("config", ["{", '{"layer": "Sequential"}', "[]", '{"layer": 3}',
                                        '{"layer": "Flatten"}'])  # fmt: skip
    def test_damaged_configurations_are_refused(self, tmp_path, config):
        path = self.write(tmp_path / "bad", format="smnn model", version="1", text=config)
        with pytest.raises(ValueError, match="bad describes no model"):
            Sequential.load(path)

    def test_unknown_layers_list_the_known_ones(self, tmp_path):
        config = json.dumps({"layer": "Sequential", "layers": [{"layer": "Dens", "units": 3}]})
        path = self.write(tmp_path / "m", format="smnn model", version="1", text=config)
        with pytest.raises(ValueError, match=r"'Dense'.*got 'Dens'"):
            Sequential.load(path)

    def test_missing_or_misshapen_arrays_are_refused(self, tmp_path):
        layers = [{"layer": "Dense", "units": 3, "input_shape": [4]}]
        config = json.dumps({"layer": "Sequential", "layers": layers})
        for tensors in ({"0.W": np.zeros((4, 3))}, {"0.W": np.ones((3, 4)), "0.b": np.ones(3)}):
            path = self.write(
                tmp_path / "m", tensors, format="smnn model", version="1", text=config
            )
            with pytest.raises(ValueError, match=r"damaged: 0\.[Wb] should have shape"):
                Sequential.load(path)

    def test_a_truncated_file_is_refused(self, tmp_path):
        path = tmp_path / "m"
        model = small()
        model(X)
        model.save(path)
        content = path.read_bytes()
        path.write_bytes(content[:-8])
        with pytest.raises(ValueError, match="is no smnn model"):
            Sequential.load(path)

    def test_a_failed_save_leaves_the_old_file(self, tmp_path, monkeypatch):
        path = tmp_path / "m"
        model = small()
        expected = model(X)
        model.save(path)

        def full(*arguments):
            raise OSError("no space left")

        monkeypatch.setattr(os, "replace", full)
        model.params["0.W"][...] = 0
        with pytest.raises(OSError, match="no space"):
            model.save(path)
        np.testing.assert_array_equal(Sequential.load(path)(X), expected)


class TestLooks:
    def test_repr_makes_the_model_again(self):
        model = small()
        again = eval(repr(model))
        assert repr(again) == repr(model)
        assert "Dense(5, 'tanh')," in repr(model)
        nested = Sequential([model, Dense(2)], input_shape=(4,))
        assert repr(eval(repr(nested))) == repr(nested)

    def test_summary(self, capsys):
        shared = Dense(4)
        model = Sequential([shared, shared, Dense(3)], rng=0)
        model(X)
        model.summary()
        lines = capsys.readouterr().out.splitlines()
        assert lines[1].split() == ["0", "Dense(4)", "(N,", "4)", "20"]
        assert "layer 0 again" in lines[2] and lines[2].endswith(" 0")
        assert lines[-1].split() == ["total", "35"]
        assert len({len(line) for line in lines}) == 1

    def test_summary_of_a_model_in_a_model(self, capsys):
        model = Sequential([Sequential([Dense(4), Dense(2)]), Dense(3)], input_shape=(5,))
        model.summary()
        lines = capsys.readouterr().out.splitlines()
        assert lines[1].split() == ["0", "Sequential", "of", "2", "layers", "(N,", "2)", "34"]

    def test_copies_are_independent(self):
        model = small()
        model(X)
        twin = copy.deepcopy(model)
        twin.params["0.W"][...] = 0
        assert model.params["0.W"].any()

    def test_generators(self):
        own = Dropout(0.5, rng=9)
        model = Sequential([Dense(3), own, Sequential([Dropout(0.1)])], rng=0)
        model(X)
        states = [g.bit_generator.state for g in model.generators()]
        first = model.forward(X, training=True)[0]
        for generator, state in zip(model.generators(), states, strict=True):
            generator.bit_generator.state = state
        np.testing.assert_array_equal(model.forward(X, training=True)[0], first)


@pytest.mark.peers
def test_weights_exchange_with_pytorch():
    """The same numbers there and back; PyTorch stores a row of weights a unit."""
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(
        torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)
    ).double()
    model = Sequential([Dense(5, input_shape=(4,)), Activation("tanh"), Dense(3)], rng=0)
    with torch.no_grad():
        for name, value in model.params.items():
            index, kind = name.split(".")
            tensor = theirs.state_dict()[f"{index}.{'weight' if kind == 'W' else 'bias'}"]
            value[...] = tensor.numpy().T
    tensor = torch.tensor(X)
    np.testing.assert_allclose(model(X), theirs(tensor).detach().numpy(), rtol=1e-13)

    loss, dlogits = softmax_cross_entropy(model(X), Y)
    _, grads = model.forward(X)[1](dlogits)
    their_loss = torch.nn.functional.cross_entropy(theirs(tensor), torch.tensor(Y))
    their_loss.backward()
    assert loss == pytest.approx(their_loss.item(), rel=1e-13)
    np.testing.assert_allclose(grads["0.W"], theirs[0].weight.grad.numpy().T, rtol=1e-11)

    Adam(0.1).step(model.params, grads)
    back = {f"{i}.{t}": torch.tensor(model.params[f"{i}.{k}"].T.copy())
            for i in (0, 2) for k, t in (("W", "weight"), ("b", "bias"))}  # fmt: skip
    theirs.load_state_dict(back)
    np.testing.assert_allclose(model(X), theirs(tensor).detach().numpy(), rtol=1e-13)
