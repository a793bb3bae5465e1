"""Numbers that others have printed come out of the public functions, digit for digit.

Sources: M. Mazur, "A step by step backpropagation example" (2015); J. McCaffrey's
neural-network articles; Stanford's CS231n notes; H. Kinsley and D. Kukieła, "Neural
networks from scratch" (nnfs); Wikipedia, "Softmax function".
"""

import numpy as np
import pytest

import smnn
from smnn import SGD, Dense, Sequential, softmax, softmax_cross_entropy

X = np.array([[0.05, 0.10]])
TARGET = np.array([[0.01, 0.99]])


def mazur_network(output_activation):
    """The 2-2-2 network; Mazur writes a row of weights per unit, smnn a column."""
    model = Sequential([Dense(2, "sigmoid", input_shape=(2,)), Dense(2, output_activation)])
    model.params["0.W"][...] = np.array([[0.15, 0.20], [0.25, 0.30]]).T
    model.params["1.W"][...] = np.array([[0.40, 0.45], [0.50, 0.55]]).T
    model.params["0.b"][...] = 0.35
    model.params["1.b"][...] = 0.60
    return model


def half_squared_error(pred, target):
    error = pred - target
    return float((error * error).sum() / 2), error


def weights_only(grads):
    return {name: grad for name, grad in grads.items() if name.endswith("W")}


def digits(*expected):
    """To as many digits as were printed: nine or so."""
    return pytest.approx(np.array(expected), abs=6e-10)


class TestMazur:
    def step(self, model, optimizer):
        pred, backward = model.forward(X, training=True)
        loss, dpred = half_squared_error(pred, TARGET)
        _, grads = backward(dpred)
        optimizer.step(model.params, weights_only(grads))
        return pred, loss

    def test_one_step(self):
        model = mazur_network("sigmoid")
        pred, loss = self.step(model, SGD(0.5))
        assert pred[0] == digits(0.751365070, 0.772928465)
        assert loss == digits(0.298371109)
        assert model.params["1.W"].T.ravel() == digits(
            0.35891648, 0.408666186, 0.511301270, 0.561370121
        )
        assert model.params["0.W"].T.ravel() == digits(
            0.149780716, 0.199561432, 0.249751144, 0.299502287
        )
        assert half_squared_error(model(X), TARGET)[0] == digits(0.291027774)

    def test_ten_thousand_steps(self):
        model, optimizer = mazur_network("sigmoid"), SGD(0.5)
        for _ in range(9_999):
            self.step(model, optimizer)
        # Copies of the post print this for the 10,000th step.
        assert half_squared_error(model(X), TARGET)[0] == pytest.approx(0.0000351085, abs=6e-11)
        self.step(model, optimizer)
        assert half_squared_error(model(X), TARGET)[0] == digits(0.000035102)
        assert model(X)[0] == digits(0.015913620, 0.984064274)

    @pytest.mark.parametrize("steps, expected", [(1, 0.291027924), (10_000, 0.000035085)])
    def test_the_famous_slip(self, steps, expected):
        """The post's own numbers come from hidden deltas through the new output weights."""
        model, optimizer = mazur_network("sigmoid"), SGD(0.5)
        hidden, output = model.layers
        for _ in range(steps):
            h, hidden_backward = hidden.forward(X)
            pred, output_backward = output.forward(h)
            _, dpred = half_squared_error(pred, TARGET)
            _, grads = output_backward(dpred)
            optimizer.step(output.params, weights_only(grads))
            # A pullback keeps the weights of its forward pass; the slip takes those that moved.
            dh = dpred * pred * (1 - pred) @ output.params["W"].T
            optimizer.step(hidden.params, weights_only(hidden_backward(dh)[1]))
        assert half_squared_error(model(X), TARGET)[0] == digits(expected)


class TestSoftmaxTwin:
    """Mazur's network with softmax and cross-entropy at its end."""

    def test_forward_and_backward(self):
        model = mazur_network("softmax")
        logits, backward = model.forward_logits(X, training=True)
        loss, dlogits = softmax_cross_entropy(logits, TARGET)
        _, grads = backward(dlogits)
        assert model(X)[0] == digits(0.4702812122, 0.5297187878)
        assert loss == digits(0.6365991567)
        assert dlogits[0] == digits(0.4602812122, -0.4602812122)
        assert grads["1.W"].T.ravel() == digits(
            0.2730710311, 0.2747346652, -0.2730710311, -0.2747346652
        )
        assert grads["0.b"] == digits(-0.0111066183, -0.0110749835)

    @pytest.mark.parametrize(
        "chosen, expected", [(weights_only, 0.4996420232), (dict, 0.3484006279)]
    )
    def test_one_step(self, chosen, expected):
        model = mazur_network("softmax")
        logits, backward = model.forward_logits(X, training=True)
        _, dlogits = softmax_cross_entropy(logits, TARGET)
        _, grads = backward(dlogits)
        SGD(0.5).step(model.params, chosen(grads))
        logits, _ = model.forward_logits(X)
        assert softmax_cross_entropy(logits, TARGET)[0] == digits(expected)


def test_mccaffrey_3_4_2():
    model = Sequential([Dense(4, "tanh", input_shape=(3,)), Dense(2, "softmax")])
    model.params["0.W"][...] = np.arange(1, 13).reshape(3, 4) / 100
    model.params["0.b"][...] = np.arange(13, 17) / 100
    model.params["1.W"][...] = np.arange(17, 25).reshape(4, 2) / 100
    model.params["1.b"][...] = [0.25, 0.26]
    assert model(np.array([[1.0, 2.0, 3.0]]))[0] == pytest.approx(
        np.array([0.4920477, 0.5079523]), abs=5e-8
    )


class TestCS231n:
    def test_linear_classifier(self):
        layer = Dense(3)
        layer.build((4,))
        layer.params["W"][...] = np.array(
            [[0.01, -0.05, 0.1, 0.05], [0.7, 0.2, 0.05, 0.16], [0, -0.45, -0.2, 0.03]]
        ).T
        layer.params["b"][...] = [0, 0.2, -0.3]
        scores = layer(np.array([[-15.0, 22.0, -44.0, 56.0]]))
        assert scores[0] == digits(-2.85, 0.86, 0.28)
        assert softmax(scores)[0] == pytest.approx(
            np.array([0.01544932, 0.63116335, 0.35338733]), abs=5e-9
        )
        assert softmax_cross_entropy(scores, [2])[0] == pytest.approx(1.04019057, abs=5e-9)
        assert smnn.multiclass_hinge(scores, [2])[0] == pytest.approx(1.58)

    def test_scores_of_the_cat(self):
        assert softmax([3.2, 5.1, -1.7]) == pytest.approx(
            np.array([0.12998254, 0.86904954, 0.00096793]), abs=5e-9
        )

    def test_smaller_scores_are_flatter(self):
        large, small = softmax([1.0, -2.0, 0.0]), softmax([0.5, -1.0, 0.0])
        assert large[0] == pytest.approx(0.7, abs=0.05)  # printed with one digit
        assert large[1:] == pytest.approx(np.array([0.04, 0.26]), abs=0.005)
        assert small == pytest.approx(np.array([0.55, 0.12, 0.33]), abs=0.005)

    def test_scores_of_a_support_vector_machine(self):
        """The notes set 0.9, 0.09, 0.01 of a softmax classifier beside these scores of another.

        Nothing is claimed about their softmax; it is this.
        """
        assert softmax([12.5, 0.6, -23.0]) == pytest.approx(
            np.array([0.9999932, 6.79e-6, 3.8e-16]), rel=2e-2
        )

    def test_spiral_needs_a_hidden_layer(self):
        x, y = smnn.make_spirals(rng=0)
        linear = Sequential([Dense(3)], rng=0)
        hidden = Sequential([Dense(100, "relu"), Dense(3)], rng=0)
        share = {}
        for name, model in {"linear": linear, "hidden": hidden}.items():
            smnn.fit(model, x, y, optimizer=smnn.Adam(0.02), epochs=100, rng=0, progress=False)
            share[name] = np.mean(model(x).argmax(axis=1) == y)
        assert 0.4 < share["linear"] < 0.62  # the notes: 0.49
        assert share["hidden"] >= 0.97  # the notes: 0.98


def test_nnfs_mean_loss():
    probs = np.array([[0.7, 0.1, 0.2], [0.1, 0.5, 0.4], [0.02, 0.9, 0.08]])
    loss, _ = softmax_cross_entropy(np.log(probs), [0, 1, 1])
    assert loss == pytest.approx(0.38506088005216804, rel=1e-15)


class TestWikipedia:
    def test_seven_numbers(self):
        assert softmax([1, 2, 3, 4, 1, 2, 3])[:4] == pytest.approx(
            np.array([0.0236405, 0.0642617, 0.1746813, 0.4748330]), abs=5e-8
        )

    def test_three_numbers_and_their_jacobian(self):
        probs = softmax([1, 2, 3])
        assert probs == pytest.approx(np.array([0.09003057, 0.24472847, 0.66524096]), abs=5e-9)
        assert np.diag(smnn.softmax_jacobian(probs)) == pytest.approx(
            np.array([0.08192507, 0.18483645, 0.22269543]), abs=5e-9
        )
