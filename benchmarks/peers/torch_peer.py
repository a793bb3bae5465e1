"""PyTorch, in up to three forms: eager, by hand without autograd, and compiled.

The whole process is in inference mode, so that no call pays for entering it; only what needs
a graph leaves it.  The compiled form needs a C++ compiler; where there is none it does not enter.
"""

import logging
import os
import shutil

import torch
import torch.nn.functional as F

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
torch.inference_mode().__enter__()
logging.getLogger("torch").setLevel(logging.ERROR)
torch._dynamo.config.cache_size_limit = 1000
HAS_COMPILER = bool(os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++"))


def contestants(case, data):
    if case.operation == "linear_cross_entropy":
        return linear_contestants(data)
    x, target = torch.from_numpy(data.x), torch.from_numpy(data.target)
    rows = torch.from_numpy(data.rows)
    scratch = torch.empty_like(x) if case.reuse else None

    def softmax():
        return torch.softmax(x, 1, out=scratch)

    def log_softmax():
        return torch.log_softmax(x, 1, out=scratch)

    def cross_entropy():
        return F.cross_entropy(x, target)

    def softmax_cross_entropy():
        lp = torch.log_softmax(x, 1, out=scratch)
        loss = F.nll_loss(lp, target)
        gradient = lp.exp_()
        gradient[rows, target] -= 1
        gradient /= len(gradient)
        return loss, gradient

    functions = {"PyTorch": locals()[case.operation]}
    if case.operation == "softmax_cross_entropy":
        functions = {"PyTorch by hand": softmax_cross_entropy}
        if not case.reuse:
            functions["PyTorch"] = autograd_contestant(data)
    if HAS_COMPILER:
        functions["PyTorch compiled"] = compiled(case.operation, x, target, scratch)
    return functions


@torch.inference_mode(False)
def autograd_contestant(data):
    leaf = torch.from_numpy(data.x).clone().requires_grad_()
    target = torch.from_numpy(data.target)

    @torch.inference_mode(False)
    def autograd():
        loss = F.cross_entropy(leaf, target)
        (gradient,) = torch.autograd.grad(loss, leaf)
        return loss.detach(), gradient

    return autograd


def gradient_formula(x, target):
    """Loss and gradient without an indexed update, which the compiler cannot fuse."""
    lp = torch.log_softmax(x, 1)
    is_target = torch.arange(x.shape[1])[None, :] == target[:, None]
    return F.nll_loss(lp, target), (lp.exp() - is_target.to(x.dtype)) / x.shape[0]


FORMULAS = {
    "softmax": lambda x, target: torch.softmax(x, 1),
    "log_softmax": lambda x, target: torch.log_softmax(x, 1),
    "cross_entropy": F.cross_entropy,
    "softmax_cross_entropy": gradient_formula,
}


def compiled(operation, x, target, scratch):
    formula = FORMULAS[operation]

    def into_scratch(x, target, out):
        if operation == "softmax_cross_entropy":
            loss, gradient = formula(x, target)
            return loss, out.copy_(gradient)
        return out.copy_(formula(x, target))

    if scratch is None:
        function, arguments = torch.compile(formula, dynamic=False), (x, target)
    else:
        function, arguments = torch.compile(into_scratch, dynamic=False), (x, target, scratch)
    return lambda: function(*arguments)


@torch.inference_mode(False)
def linear_contestants(data):
    """The linear layer and its loss: unfused, and PyTorch's own chunked function."""
    leaves = [
        torch.from_numpy(array).requires_grad_()
        for array in (data.x, data.weights_by_class, data.bias)
    ]
    target = torch.from_numpy(data.target)

    def value_and_gradients(loss):
        dx, dw, db = torch.autograd.grad(loss, leaves)
        return loss.detach(), (dx, dw.T, db)

    @torch.inference_mode(False)
    def unfused():
        return value_and_gradients(F.cross_entropy(F.linear(*leaves), target))

    @torch.inference_mode(False)
    def chunked():
        x, weights, bias = leaves
        options = torch.nn.LinearCrossEntropyOptions()
        return value_and_gradients(
            F.linear_cross_entropy(x, weights, target, linear_bias=bias, options=options)
        )

    functions = {"PyTorch": unfused}
    if hasattr(F, "linear_cross_entropy"):
        functions["PyTorch chunked"] = chunked
    return functions
