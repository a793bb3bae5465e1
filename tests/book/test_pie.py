"""The task in pieces: six slices that alternate, and the gradient of a mixture's loss."""

import numpy as np

import smnn
from smnn_book.pie import mixture_loss, pie

RNG = np.random.default_rng(5)


def test_the_classes_alternate_three_times_around():
    x, y = pie(2000, RNG)
    assert np.abs(x).max() <= 1 and 0.45 < y.mean() < 0.55
    assert np.array_equal(y, np.sin(3 * np.arctan2(x[:, 1], x[:, 0])) < 0)


def test_the_loss_of_a_mixture_is_the_mean_information_of_the_true_classes():
    probs, y = smnn.softmax(RNG.normal(size=(7, 3))), RNG.integers(3, size=7)
    loss, dprobs = mixture_loss(probs, y)
    assert loss == smnn.negative_log_likelihood(y, probs)
    numeric = smnn.numerical_jacobian(lambda probs: mixture_loss(probs, y)[0], probs)
    assert np.allclose(dprobs, numeric, rtol=1e-6, atol=1e-9)
