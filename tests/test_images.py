"""Convolution, its transpose and pooling: against loops, ONNX, PyTorch and one another."""

import itertools

import numpy as np
import pytest
from test_conformance import attributes_of, cases_of

import smnn
from smnn import AveragePooling2D, Conv2D, Conv2DTranspose, MaxPooling2D, reference
from smnn.functional.backend import kernels
from smnn.layers.windows import Windows

RNG = np.random.default_rng(0)


def padded_for(x, size, strides, padding):
    """The definition of both paddings for one image (height, width, C); nan marks what is added."""
    margins = []
    for n, k, s in zip(x.shape, size, strides, strict=False):
        added = max(0, (-(-n // s) - 1) * s + k - n) if padding == "same" else 0
        margins.append((added // 2, added - added // 2))
    return np.pad(x, (*margins, (0, 0)), constant_values=np.nan)


def windows_of(x, size, strides, padding):
    """Every window of one image as ((i, j), window)."""
    x = padded_for(x, size, strides, padding)
    rows = range(0, x.shape[0] - size[0] + 1, strides[0])
    columns = range(0, x.shape[1] - size[1] + 1, strides[1])
    for i, j in itertools.product(rows, columns):
        yield (i // strides[0], j // strides[1]), x[i : i + size[0], j : j + size[1]]


def by_loops(images, size, strides, padding, of_window):
    found = []
    for x in images:
        values = {at: of_window(w) for at, w in windows_of(x, size, strides, padding)}
        tall, wide = (1 + max(at[axis] for at in values) for axis in (0, 1))
        found.append([[values[i, j] for j in range(wide)] for i in range(tall)])
    return np.array(found)


def random_layer(seed, kind):
    """A layer with random options, and images that fit it."""
    rng = np.random.default_rng(seed)
    size = tuple(int(n) for n in rng.integers(1, 5, 2))
    strides = tuple(int(n) for n in rng.integers(1, 4, 2))
    padding = str(rng.choice(["valid", "same"]))
    shape = tuple(int(k + n) for k, n in zip(size, rng.integers(0, 7, 2), strict=True))
    channels = int(rng.integers(1, 4))
    x = rng.normal(size=(int(rng.integers(1, 4)), *shape, channels))
    options = {"strides": strides, "padding": padding}
    if kind in (Conv2D, Conv2DTranspose):
        layer = kind(int(rng.integers(1, 4)), size, rng=rng, **options)
        layer.build(x.shape[1:])
        layer.params["b"][:] = rng.normal(size=layer.filters)
    else:
        layer = kind(size, **options)
    return layer, x


@pytest.mark.parametrize("seed", range(40))
def test_convolution_by_loops(seed):
    layer, x = random_layer(seed, Conv2D)
    W, b = layer.params["W"], layer.params["b"]
    expected = by_loops(
        x, layer.kernel_size, layer.strides, layer.padding,
        lambda window: np.einsum("ijc,ijcf->f", np.nan_to_num(window), W) + b,
    )  # fmt: skip
    assert layer.build(x.shape[1:]) == expected.shape[1:]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_pooling_by_loops(seed):
    for kind, of_window in (
        (MaxPooling2D, lambda window: np.nanmax(window, axis=(0, 1))),
        (AveragePooling2D, lambda window: np.nanmean(window, axis=(0, 1))),
    ):
        layer, x = random_layer(seed, kind)
        expected = by_loops(x, layer.pool_size, layer.strides, layer.padding, of_window)
        np.testing.assert_allclose(layer(x), expected, rtol=1e-12)


@pytest.mark.parametrize("strides", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_the_transpose_is_the_pullback_of_convolution(padding, size, strides):
    """⟨conv x, y⟩ = ⟨x, convᵀ y⟩, and the sizes are those of Keras."""
    options = {"strides": strides, "padding": padding, "use_bias": False, "rng": 0}
    transpose = Conv2DTranspose(2, (size, size), **options)
    y = RNG.normal(size=(3, 4, 5, 3))
    image = transpose(y)
    longer = [n * strides + (max(size - strides, 0) if padding == "valid" else 0) for n in (4, 5)]
    assert image.shape == (3, *longer, 2)
    convolution = Conv2D(3, (size, size), **options)
    convolution.build(image.shape[1:])
    convolution.params["W"][:] = transpose.params["W"]
    x = RNG.normal(size=image.shape)
    forward, backward = convolution.forward(x)
    assert forward.shape == y.shape
    np.testing.assert_allclose(np.vdot(forward, y), np.vdot(x, image), rtol=1e-10)
    np.testing.assert_allclose(backward(y)[0], image, rtol=1e-12)


@pytest.mark.parametrize("kind", [Conv2D, Conv2DTranspose, MaxPooling2D, AveragePooling2D])
@pytest.mark.parametrize("seed", range(8))
def test_gradients(kind, seed):
    layer, x = random_layer(100 + seed, kind)
    assert smnn.check_layer(layer, x.shape[1:], x=x, rng=seed).ok


@pytest.mark.parametrize("kind", [Conv2D, Conv2DTranspose])
def test_a_first_layer_takes_no_gradient_of_its_input(kind):
    layer, x = random_layer(3, kind)
    y, backward = layer.forward(x)
    y_first, backward_first = layer.forward_first(x)
    dx, grads = backward_first(y, input_gradient=False)
    np.testing.assert_array_equal(y, y_first)
    assert dx is None
    for name, value in backward(y)[1].items():
        np.testing.assert_array_equal(grads[name], value)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_windows_against_the_reference(dtype, strides, channels):
    windows = Windows((3, 2), strides, "valid")
    images = RNG.normal(size=(4, 9, 8, channels)).astype(dtype)
    rows = np.empty((4, *windows.counts((9, 8)), 3, 2 * channels), dtype)
    expected = np.empty_like(rows)
    kernels.windows_to_rows(images, *strides, rows, 0, 4)
    reference.windows_to_rows(images, *strides, expected, 0, 4)
    np.testing.assert_array_equal(rows, expected)
    sums, expected_sums = images.copy(), images.copy()
    kernels.rows_to_windows(rows, *strides, sums, 1, 3)
    reference.rows_to_windows(rows, *strides, expected_sums, 1, 3)
    np.testing.assert_allclose(sums, expected_sums, rtol=1e-5)
    np.testing.assert_array_equal(sums[[0, 3]], images[[0, 3]])


def test_many_images_are_taken_in_pieces():
    x = RNG.normal(size=(70, 20, 20, 3)).astype(np.float32)
    layer = Conv2D(4, 5, rng=0)
    layer.build(x.shape[1:], np.float32)
    y, backward = layer.forward(x)
    dx, grads = backward(y)
    pieces = [layer.forward(x[i : i + 1]) for i in range(70)]
    np.testing.assert_allclose(y, np.concatenate([one for one, _ in pieces]), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        grads["W"], sum(back(one)[1]["W"] for one, back in pieces), rtol=1e-3, atol=1e-3
    )
    assert y.dtype == dx.dtype == grads["W"].dtype == grads["b"].dtype == np.float32


def test_the_largest_takes_the_gradient_and_of_equal_ones_the_first():
    x = np.zeros((1, 2, 2, 1))
    y, backward = MaxPooling2D().forward(x)
    assert backward(np.ones_like(y))[0].ravel().tolist() == [1, 0, 0, 0]
    overlapping, backward = MaxPooling2D(2, 1).forward(np.array([[[0.0], [5.0], [1.0]]] * 2)[None])
    assert overlapping.ravel().tolist() == [5, 5]
    assert backward(np.ones_like(overlapping))[0][0, 0].ravel().tolist() == [0, 2, 0]


def test_nan_and_infinities_pass_through():
    x = np.array([[np.nan, 1], [2, 3]]).reshape(1, 2, 2, 1)
    y, backward = MaxPooling2D().forward(x)
    assert np.isnan(y).all() and backward(np.ones_like(y))[0].ravel().tolist() == [1, 0, 0, 0]
    assert MaxPooling2D()(np.full((1, 2, 2, 1), -np.inf)).item() == -np.inf
    assert np.isnan(AveragePooling2D()(x)).all()


def test_initial_weights_follow_the_window():
    he = Conv2D(64, 3, "relu", rng=0)
    he.build((8, 8, 32))
    assert he.params["W"].var() == pytest.approx(2 / (9 * 32), rel=0.03)
    for layer in (Conv2D(64, 3, rng=0), Conv2DTranspose(64, 3, rng=0)):
        layer.build((8, 8, 32))
        assert layer.params["W"].var() == pytest.approx(2 / (9 * (32 + 64)), rel=0.03)
    orthogonal = Conv2D(5, 3, init="orthogonal", rng=0)
    orthogonal.build((8, 8, 2))
    W = orthogonal.params["W"].reshape(-1, 5)
    np.testing.assert_allclose(W.T @ W, np.eye(5), atol=1e-12)


def lenet(dtype="float32"):
    return smnn.Sequential(
        [
            Conv2D(6, 5, "tanh", padding="same"),
            AveragePooling2D(),
            Conv2D(16, 5, "tanh"),
            MaxPooling2D(),
            smnn.Flatten(),
            smnn.Dense(10, "softmax"),
        ],
        input_shape=(28, 28, 1), dtype=dtype, rng=0,
    )  # fmt: skip


def test_a_network_learns_images_and_comes_back(tmp_path):
    model = lenet()
    assert model.output_shapes == [
        (28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16), (400,), (10,),
    ]  # fmt: skip
    x = RNG.normal(size=(40, 28, 28, 1))
    y = RNG.integers(0, 10, 40)
    history = smnn.fit(model, x, y, epochs=8, batch_size=10, optimizer=smnn.Adam(0.01), rng=0)
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(smnn.Sequential.load(tmp_path / "model")(x), model(x))


def test_a_class_for_every_pixel():
    model = smnn.Sequential(
        [Conv2D(4, 3, "relu", strides=2, padding="same"), Conv2DTranspose(3, 3, strides=2,
         padding="same")], rng=0,
    )  # fmt: skip
    x = RNG.normal(size=(6, 8, 8, 1))
    y = (x[..., 0] > 0).astype(int) + (x[..., 0] > 1)
    history = smnn.fit(model, x, y, epochs=30, batch_size=3, optimizer=smnn.Adam(0.03), rng=0)
    assert history["loss"][-1] < 0.8 * history["loss"][0]


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: Conv2D(0, 3), ValueError, "filters must be at least 1, got 0"),
        (lambda: Conv2D(1, 0), ValueError, "kernel_size must be at least 1"),
        (lambda: Conv2D(1, (3, 3, 3)), ValueError, "kernel_size must be one number or two"),
        (lambda: Conv2D(1, 2.5), TypeError, "kernel_size must be an integer"),
        (lambda: Conv2D(1, 3, strides=0), ValueError, "strides must be at least 1"),
        (lambda: Conv2D(1, 3, padding="full"), ValueError, "one of 'valid', 'same'"),
        (lambda: MaxPooling2D(0), ValueError, "pool_size must be at least 1"),
        (lambda: Conv2D(1, 3)(np.ones((1, 2, 5, 1))), smnn.ShapeError, "at least 3×3, got"),
        (lambda: MaxPooling2D(3)(np.ones((1, 2, 5, 1))), smnn.ShapeError, "at least 3×3, got"),
        (lambda: Conv2D(1, 3)(np.ones((5, 5))), smnn.ShapeError, "height, width, channels"),
        (lambda: MaxPooling2D()(np.ones((5, 5))), smnn.ShapeError, "height, width, channels"),
        (
            lambda: smnn.Sequential([Conv2D(2, 3), Conv2D(2, 5)], input_shape=(6, 6, 1)),
            smnn.ShapeError,
            "layer 1: .* at least 5×5",
        ),
    ],
)
def test_what_does_not_fit_is_said(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_other_channels_than_before_are_refused():
    for layer in (Conv2D(2, 3), Conv2DTranspose(2, 3)):
        layer.build((8, 8, 3))
        with pytest.raises(smnn.ShapeError, match=r"height, width, 3\), got \(1, 8, 8, 4\)"):
            layer(np.ones((1, 8, 8, 4)))


# ONNX puts channels second.  What a layer of Keras cannot be asked for is left out, by name.
SKIPPED = {
    "not two axes": {
        "test_averagepool_1d_default", "test_averagepool_3d_default",
        "test_averagepool_3d_dilations_small",
        *(
            "test_averagepool_3d_dilations_large_count_include_pad_is_"
            f"{pad}_ceil_mode_is_{ceil}"
            for pad in (0, 1) for ceil in (True, False)
        ),
        "test_convtranspose_1d", "test_convtranspose_3d", "test_maxpool_1d_default",
        "test_maxpool_3d_default", "test_maxpool_3d_dilations",
        "test_maxpool_3d_dilations_use_ref_impl", "test_maxpool_3d_dilations_use_ref_impl_large",
    },
    "the odd one of the padding comes first": {
        "test_averagepool_2d_same_lower", "test_maxpool_2d_same_lower",
    },
    "padding that is neither of the two": {
        "test_averagepool_2d_pads", "test_averagepool_2d_pads_count_include_pad",
        "test_averagepool_2d_ceil_last_window_starts_on_pad",
        "test_conv_with_strides_and_asymmetric_padding", "test_convtranspose_pads",
        "test_maxpool_2d_pads",
    },
    "padding counts in the mean": {"test_averagepool_2d_precomputed_pads_count_include_pad"},
    "a last window that is not whole": {
        "test_averagepool_2d_ceil", "test_maxpool_2d_ceil",
        "test_maxpool_2d_ceil_output_size_reduce_by_one",
    },
    "windows with gaps": {
        "test_averagepool_2d_dilations", "test_convtranspose_dilations",
        "test_maxpool_2d_dilations",
    },
    "groups of channels": {"test_convtranspose_group_2", "test_convtranspose_group_2_image_3"},
    "a size that the strides do not give": {
        "test_convtranspose_output_shape", "test_convtranspose_pad",
        "test_convtranspose_kernel_shape",
    },
    "results that are integers": {"test_maxpool_2d_uint8"},
}  # fmt: skip
ALL_SKIPPED = set().union(*SKIPPED.values())


def layer_of(operator, attributes, x, weights):
    """The layer that a node of ONNX stands for."""
    weights = [np.transpose(W, (2, 3, 1, 0)) if W.ndim == 4 else W for W in weights]
    size = attributes.get("kernel_shape") or weights[0].shape[:2]
    strides = tuple(attributes.get("strides", (1, 1)))
    same = "auto_pad" in attributes or any(attributes.get("pads", ()))
    options = {"strides": strides, "padding": "same" if same else "valid"}
    if "pads" in attributes:
        (top, bottom), (left, right) = Windows(tuple(size), strides, options["padding"]).margins(
            x.shape[1:3]
        )
        assert attributes["pads"] == [top, left, bottom, right]
    if not weights:
        return {"MaxPool": MaxPooling2D, "AveragePool": AveragePooling2D}[operator](
            tuple(size), **options
        )
    kind = {"Conv": Conv2D, "ConvTranspose": Conv2DTranspose}[operator]
    filters = weights[0].shape[3 if kind is Conv2D else 2]
    layer = kind(filters, tuple(size), use_bias=len(weights) > 1, **options)
    layer.build(x.shape[1:], x.dtype)
    layer.params["W"][:] = weights[0]
    return layer


@pytest.mark.parametrize("operator", ["Conv", "ConvTranspose", "MaxPool", "AveragePool"])
def test_onnx(operator):
    ran = 0
    for case in cases_of(operator):
        if case.name in ALL_SKIPPED:
            continue
        for (x, *weights), (expected, *_) in case.data_sets:
            x = np.moveaxis(x, 1, -1)
            found = layer_of(operator, attributes_of(case), x, weights)(x)
            np.testing.assert_allclose(
                np.moveaxis(found, -1, 1), expected, rtol=1e-5, atol=1e-5, err_msg=case.name
            )
            ran += 1
    assert ran >= {"Conv": 5, "ConvTranspose": 2, "MaxPool": 7, "AveragePool": 6}[operator]


def test_what_is_skipped_exists():
    operators = ("Conv", "ConvTranspose", "MaxPool", "AveragePool")
    assert {case.name for operator in operators for case in cases_of(operator)} >= ALL_SKIPPED


@pytest.mark.peers
@pytest.mark.parametrize("kind", [Conv2D, Conv2DTranspose, MaxPooling2D, AveragePooling2D])
def test_images_are_those_of_pytorch(kind):
    torch = pytest.importorskip("torch")
    functions = torch.nn.functional
    checked = 0
    for seed in itertools.count():
        layer, x = random_layer(seed, kind)
        if layer.padding == "same" or (
            kind is Conv2DTranspose
            and any(k < s for k, s in zip(layer.kernel_size, layer.strides, strict=True))
        ):  # PyTorch pads alike on both sides, and makes smaller images of distant windows
            continue
        given = torch.from_numpy(np.moveaxis(x, -1, 1).copy()).requires_grad_()
        tensors = {n: torch.from_numpy(v.copy()).requires_grad_() for n, v in layer.params.items()}
        if kind in (Conv2D, Conv2DTranspose):
            function = functions.conv2d if kind is Conv2D else functions.conv_transpose2d
            weights = tensors["W"].permute(3, 2, 0, 1)
            y = function(given, weights, tensors["b"], stride=layer.strides)
        else:
            function = functions.max_pool2d if kind is MaxPooling2D else functions.avg_pool2d
            y = function(given, layer.pool_size, stride=layer.strides)
        found, backward = layer.forward(x)
        dy = np.random.default_rng(seed).normal(size=found.shape)
        y.backward(torch.from_numpy(np.moveaxis(dy, -1, 1).copy()))
        dx, grads = backward(dy)
        pairs = [(found, np.moveaxis(y.detach().numpy(), 1, -1))]
        pairs += [(dx, np.moveaxis(given.grad.numpy(), 1, -1))]
        pairs += [(grads[name], tensor.grad.numpy()) for name, tensor in tensors.items()]
        for mine, theirs in pairs:
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)
        checked += 1
        if checked == 50:
            break
