"""smnn against the suites of others: the cases of ONNX, and PyTorch where it is installed.

ONNX makes its cases in memory.  Each is a model of one node with inputs and outputs.  ONNX and
PyTorch put the classes second; smnn puts them last.
"""

import warnings
from collections import defaultdict
from functools import cache

import numpy as np
import pytest

import smnn

ONNX_COUNTS = {
    "Softmax": 7,
    "LogSoftmax": 7,
    "SoftmaxCrossEntropyLoss": 34,
    "NegativeLogLikelihoodLoss": 18,
}


@cache
def onnx_cases():
    """All cases of one node, by operator."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of the other operators' cases overflow
        node = pytest.importorskip("onnx.backend.test.case.node")
        cases = node.collect_testcases(None)
    by_operator = defaultdict(list)
    for case in cases:
        nodes = case.model.graph.node
        if len(nodes) == 1:
            by_operator[nodes[0].op_type].append(case)
    return by_operator


def cases_of(operator):
    """The cases of an operator: at least one."""
    cases = onnx_cases()[operator]
    assert cases
    return cases


def attributes_of(case):
    from onnx.helper import get_attribute_value

    return {a.name: get_attribute_value(a) for a in case.model.graph.node[0].attribute}


def classes_last(x):
    return np.moveaxis(x, 1, -1)


def softmax_node(attributes, x):
    return (smnn.softmax(x, attributes.get("axis", -1)),)


def log_softmax_node(attributes, x):
    return (smnn.log_softmax(x, attributes.get("axis", -1)),)


def loss_options(attributes):
    return {
        "reduction": attributes.get("reduction", b"mean").decode(),
        "ignore_index": attributes.get("ignore_index", -100),
    }


def cross_entropy_node(attributes, x, target, weight=None):
    loss = smnn.cross_entropy(classes_last(x), target, weight=weight, **loss_options(attributes))
    return loss, smnn.log_softmax(x, axis=1)


def negative_log_likelihood_node(attributes, x, target, weight=None):
    """smnn has no loss of log-probabilities.  ONNX hands in arbitrary numbers, not normalized.

    The cross-entropy of a row exceeds the negative log-likelihood by w[y] logsumexp(x).
    """
    options = loss_options(attributes)
    excess = smnn.logsumexp(x, axis=1)
    weight = np.ones(x.shape[1], x.dtype) if weight is None else weight
    kept = target != options["ignore_index"]
    target_weight = np.where(kept, weight[np.where(kept, target, 0)], 0)
    excess = target_weight * excess
    if options["reduction"] != "none":
        excess = excess.sum()
    if options["reduction"] == "mean":
        excess = excess / target_weight.sum()
    loss = smnn.cross_entropy(classes_last(x), target, weight=weight, **options)
    return (loss - excess,)


NODES = {
    "Softmax": softmax_node,
    "LogSoftmax": log_softmax_node,
    "SoftmaxCrossEntropyLoss": cross_entropy_node,
    "NegativeLogLikelihoodLoss": negative_log_likelihood_node,
}


@pytest.mark.parametrize("operator", ONNX_COUNTS)
def test_onnx(operator):
    cases = cases_of(operator)
    assert len(cases) >= ONNX_COUNTS[operator]
    for case in cases:
        attributes = attributes_of(case)
        for inputs, outputs in case.data_sets:
            results = NODES[operator](attributes, *inputs)
            # An output that the case does not ask for is not compared.
            for result, expected in zip(results, outputs, strict=False):
                assert np.shape(result) == expected.shape, case.name
                assert result.dtype == expected.dtype, case.name
                np.testing.assert_allclose(
                    result, expected, rtol=2e-6, atol=2e-6, err_msg=case.name
                )


def random_case(seed):
    """Logits, a target and options of cross-entropy, every combination in the end."""
    rng = np.random.default_rng(seed)
    n, c = rng.integers(1, 9), rng.integers(1, 40)
    dtype = rng.choice([np.float32, np.float64])
    logits = (rng.choice([0.1, 3.0, 30.0]) * rng.standard_normal((n, c))).astype(dtype)
    options = {"reduction": str(rng.choice(["mean", "sum", "none"]))}
    if rng.random() < 0.5:
        options["weight"] = rng.random(c).astype(dtype) + dtype(0.1)
    if rng.random() < 0.5:
        options["label_smoothing"] = float(rng.choice([0.1, 0.5, 1.0]))
    if rng.random() < 0.3:
        target = rng.random((n, c)).astype(dtype)
        target /= target.sum(axis=1, keepdims=True)
    else:
        target = rng.integers(0, c, n)
        if rng.random() < 0.5:
            options["ignore_index"] = int(rng.choice([-100, -1, 0, c - 1, c + 5]))
            target[rng.random(n) < 0.3] = options["ignore_index"]
    return logits, target, options


def as_tensors(torch, options):
    options = dict(options)
    if "weight" in options:
        options["weight"] = torch.from_numpy(options["weight"])
    return options


def tolerance(dtype, seed):
    close = (2e-5, 2e-6) if dtype == np.float32 else (1e-12, 1e-14)
    return {"rtol": close[0], "atol": close[1], "err_msg": f"seed {seed}"}


@pytest.mark.peers
def test_cross_entropy_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    for seed in range(300):
        compare_cross_entropy(torch, seed)


def compare_cross_entropy(torch, seed):
    logits, target, options = random_case(seed)
    x = torch.from_numpy(logits).requires_grad_()
    expected = torch.nn.functional.cross_entropy(
        x, torch.from_numpy(target), **as_tensors(torch, options)
    )
    (gradient,) = torch.autograd.grad(expected.sum(), x)

    loss, dlogits = smnn.softmax_cross_entropy(logits, target, **options)
    close = tolerance(logits.dtype, seed)
    np.testing.assert_allclose(loss, expected.detach().numpy(), **close)
    if not np.isnan(loss).any():  # the mean over no rows: PyTorch's gradient is nan too
        np.testing.assert_allclose(dlogits, gradient.numpy(), **close)
    np.testing.assert_allclose(smnn.cross_entropy(logits, target, **options), loss, **close)


@pytest.mark.peers
def test_linear_cross_entropy_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    for seed in range(60):
        compare_linear_cross_entropy(torch, seed)


def compare_linear_cross_entropy(torch, seed):
    logits, target, options = random_case(seed)
    rng = np.random.default_rng(seed)
    features = rng.integers(1, 20)
    x = rng.standard_normal((len(logits), features)).astype(logits.dtype)
    weights = rng.standard_normal((features, logits.shape[1])).astype(logits.dtype)
    leaves = [torch.from_numpy(a).requires_grad_() for a in (x, weights, logits[0])]
    expected = torch.nn.functional.cross_entropy(
        leaves[0] @ leaves[1] + leaves[2], torch.from_numpy(target), **as_tensors(torch, options)
    )
    expected_gradients = torch.autograd.grad(expected.sum(), leaves)

    loss, gradients = smnn.linear_cross_entropy(x, weights, target, logits[0], **options)
    close = tolerance(x.dtype, seed)
    close |= {"rtol": 50 * close["rtol"], "atol": 50 * close["atol"]}  # rounded in products too
    np.testing.assert_allclose(loss, expected.detach().numpy(), **close)
    if not np.isnan(loss).any():
        for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
            np.testing.assert_allclose(gradient, expected_gradient.numpy(), **close)


@pytest.mark.peers
def test_softmax_and_its_gradient_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    for seed in range(100):
        compare_softmax(torch, seed)


def compare_softmax(torch, seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(0, 6, rng.integers(1, 4)))
    axis = int(rng.integers(-len(shape), len(shape)))
    dtype = rng.choice([np.float32, np.float64])
    values = (10 * rng.standard_normal(shape)).astype(dtype)
    dy = rng.standard_normal(shape).astype(dtype)
    close = tolerance(np.dtype(dtype), seed)
    for name in ("softmax", "log_softmax"):
        x = torch.from_numpy(values).requires_grad_()
        expected = getattr(torch, name)(x, axis)
        (dx,) = torch.autograd.grad(expected, x, torch.from_numpy(dy))
        y = getattr(smnn, name)(values, axis)
        np.testing.assert_allclose(y, expected.detach().numpy(), **close)
        found = getattr(smnn, f"{name}_vjp")(dy, y, axis=axis)
        np.testing.assert_allclose(found, dx.numpy(), **close)
