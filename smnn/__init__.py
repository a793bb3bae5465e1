"""smnn: softmax neural networks.

Every differentiable thing returns its value and its pullback.  A pullback takes
the gradient with respect to the output and returns the gradient with respect to
the input.

This file is the door.  It holds the public names and the version and no logic of
its own.  A module is imported when one of its names is first used, so that
``import smnn`` stays light and numba is loaded only when a kernel is needed.
"""

from importlib import import_module

__version__ = "0.1.0"

_NAMES_OF_MODULE = {
    "pullback": ("with_pullback",),
    "functional": (
        "attention",
        "cross_entropy",
        "entmax",
        "entmax_vjp",
        "linear_cross_entropy",
        "log_softmax",
        "log_softmax_vjp",
        "logsumexp",
        "logsumexp_vjp",
        "merge_logsumexp",
        "one_hot",
        "softmax",
        "softmax_cross_entropy",
        "softmax_jacobian",
        "softmax_vjp",
        "sparsemax",
        "sparsemax_vjp",
    ),
    "_core.threads": ("get_num_threads", "set_num_threads"),
    "_core.buffers": ("release_buffers",),
    "_core.versions": ("show_versions",),
    "activations": (
        "ACTIVATIONS",
        "elu",
        "elu_vjp",
        "gaussian",
        "gaussian_vjp",
        "gelu",
        "gelu_vjp",
        "hard_tanh",
        "hard_tanh_vjp",
        "identity",
        "identity_vjp",
        "leaky_relu",
        "leaky_relu_vjp",
        "prelu",
        "prelu_vjp",
        "relu",
        "relu_vjp",
        "selu",
        "selu_vjp",
        "sigmoid",
        "sigmoid_vjp",
        "silu",
        "silu_vjp",
        "softplus",
        "softplus_vjp",
        "step",
        "step_vjp",
        "tanh",
        "tanh_vjp",
    ),
    "neuron": (
        "AND",
        "NAND",
        "NOT",
        "OR",
        "Adaline",
        "LogisticNeuron",
        "Perceptron",
        "ThresholdUnit",
    ),
    "losses": (
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
        "distillation_loss",
        "fenchel_young_loss",
        "focal_loss",
        "huber",
        "load_balancing_loss",
        "mse",
        "multiclass_hinge",
    ),
    "initializers": (
        "INITIALIZERS",
        "get_initializer",
        "glorot",
        "he",
        "lecun",
        "orthogonal",
        "zeros",
    ),
    "vocabulary": (
        "AdaptiveSoftmax",
        "HierarchicalSoftmax",
        "UnigramSampler",
        "nce_loss",
        "negative_sampling_loss",
        "sampled_softmax_loss",
        "sum_rows",
    ),
    "gradcheck": (
        "Comparison",
        "GradientReport",
        "centered_difference",
        "check_layer",
        "check_pullback",
        "check_vjp",
        "numerical_jacobian",
    ),
    "ctc": ("ctc_beam_search", "ctc_greedy_decode", "ctc_loss"),
    "sampling": ("beam_search", "generate", "sample", "sample_without_replacement"),
    "layers": (
        "GRU",
        "LSTM",
        "Activation",
        "AveragePooling2D",
        "Conv2D",
        "Conv2DTranspose",
        "Dense",
        "Dropout",
        "Embedding",
        "Flatten",
        "Layer",
        "LayerNorm",
        "MaxPooling2D",
        "MultiHeadAttention",
        "PReLU",
        "ShapeError",
        "SimpleRNN",
    ),
    "model": ("Sequential",),
    "optim": (
        "SGD",
        "Adam",
        "AdamW",
        "Optimizer",
        "clip_gradients",
        "cosine_decay",
        "exponential_decay",
        "step_decay",
        "warmup",
    ),
    "autograd": ("Tensor", "apply", "apply_layer", "apply_loss"),
    "datasets": (
        "Dataset",
        "load_breast_cancer",
        "load_digits",
        "load_iris",
        "load_mnist",
        "load_mnist_subset",
        "load_wine",
        "make_blobs",
        "make_moons",
        "make_spirals",
        "make_xor",
        "read_idx",
    ),
    "ensemble": ("Ensemble", "MixtureOfExperts"),
    "metrics": (
        "accuracy",
        "confusion_matrix",
        "expected_calibration_error",
        "negative_log_likelihood",
        "perplexity",
        "reliability_curve",
        "top_k_accuracy",
    ),
    "training": (
        "Callback",
        "Checkpoint",
        "EarlyStopping",
        "History",
        "ProgressBar",
        "Run",
        "StepRecorder",
        "TrainingDiverged",
        "evaluate",
        "fit",
        "minibatches",
    ),
    "estimator": ("SoftmaxClassifier", "conditional_logit"),
}
_MODULE_OF_NAME = {name: module for module, names in _NAMES_OF_MODULE.items() for name in names}
_MODULES = {*(name for name in _NAMES_OF_MODULE if name[0] != "_"), "dask", "plot", "reference"}

__all__ = sorted(_MODULE_OF_NAME)


def __getattr__(name):
    if name not in _MODULE_OF_NAME and name not in _MODULES:
        raise AttributeError(f"module 'smnn' has no attribute {name!r}")
    try:
        module = import_module(f"smnn.{_MODULE_OF_NAME.get(name, name)}")
    except ImportError as error:  # an extra is missing: `hasattr` and `help` go on without it
        raise AttributeError(f"smnn.{name} is not there: {error}") from error
    value = getattr(module, name) if name in _MODULE_OF_NAME else module
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__, *_MODULES})
