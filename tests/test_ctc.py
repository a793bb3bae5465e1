"""CTC: the sum over paths against all paths written out, published values, and PyTorch."""

import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import smnn
from smnn import ctc_beam_search, ctc_greedy_decode, ctc_loss, reference
from smnn.functional.backend import kernels
from smnn.gradcheck import check_pullback

INF = np.inf


def reading(path, blank):
    """What a path reads as: repeats merged, then blanks removed."""
    return tuple(label for label, _ in itertools.groupby(path) if label != blank)


def probability_of_readings(logits, blank=0):
    """The probability of every reading of frames (T, C), by all Cᵀ paths."""
    probs, found = smnn.softmax(logits.astype(float)), defaultdict(float)
    frames, classes = probs.shape
    for path in itertools.product(range(classes), repeat=frames):
        found[reading(path, blank)] += probs[range(frames), path].prod()
    return dict(found)


def random_case(rng, frames, sequences, classes, longest, dtype=np.float64, blank=0):
    others = [label for label in range(classes) if label != blank]
    logits = (2 * rng.normal(size=(frames, sequences, classes))).astype(dtype)
    labels = rng.choice(others, (sequences, longest))
    options = {
        "input_lengths": rng.integers(0, frames + 1, sequences),
        "label_lengths": rng.integers(0, longest + 1, sequences),
        "blank": blank,
    }
    return logits, labels, options


# --- The loss ---------------------------------------------------------------------------


@pytest.mark.parametrize("blank", [0, 1, 2])
@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_the_loss_is_that_of_all_paths_written_out(frames, blank):
    logits = 2 * np.random.default_rng(frames).normal(size=(frames, 1, 3))
    probability = probability_of_readings(logits[:, 0], blank)
    assert sum(probability.values()) == pytest.approx(1, abs=1e-14)
    total = 0.0
    for labels, p in probability.items():
        loss, _ = ctc_loss(logits, np.array([labels], int).reshape(1, -1), blank=blank)
        assert loss * max(1, len(labels)) == pytest.approx(-np.log(p), rel=1e-13)
        total += np.exp(-loss * max(1, len(labels)))
    assert total == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize(
    ("labels", "frames", "paths"), [([1, 2], 4, 15), ([1, 1], 4, 5), ([1], 3, 6)]
)
def test_equal_logits_count_the_paths(labels, frames, paths):
    loss, _ = ctc_loss(np.zeros((frames, 1, 3)), [labels], reduction="sum")
    assert np.exp(-loss) * 3**frames == pytest.approx(paths)


# The activations, labels, losses and gradients of tests/test_cpu.cpp of warp-ctc (baidu-research,
# 2016), where they are said to come from TensorFlow.  Shape (frame, sequence, class), blank 5.
WARP_PROBS = np.array([
    [[0.633766, 0.221185, 0.0917319, 0.0129757, 0.0142857, 0.0260553],
     [0.30176, 0.28562, 0.0831517, 0.0862751, 0.0816851, 0.161508]],
    [[0.111121, 0.588392, 0.278779, 0.0055756, 0.00569609, 0.010436],
     [0.24082, 0.397533, 0.0557226, 0.0546814, 0.0557528, 0.19549]],
    [[0.0357786, 0.633813, 0.321418, 0.00249248, 0.00272882, 0.0037688],
     [0.230246, 0.450868, 0.0389607, 0.038309, 0.0391602, 0.202456]],
    [[0.0663296, 0.643849, 0.280111, 0.00283995, 0.0035545, 0.00331533],
     [0.280884, 0.429522, 0.0326593, 0.0339046, 0.0326856, 0.190345]],
    [[0.458235, 0.396634, 0.123377, 0.00648837, 0.00903441, 0.00623107],
     [0.423286, 0.315517, 0.0338439, 0.0393744, 0.0339315, 0.154046]],
])  # fmt: skip
WARP_LABELS, WARP_LOSSES = [[0, 1, 2, 1, 0], [0, 1, 1, 0, 0]], [3.34211, 5.42262]
# (frame, sequence, class): the entries in which the gradient is not the probability
WARP_GRADIENTS = {
    (0, 0, 0): -0.366234, (0, 1, 0): -0.69824, (1, 0, 1): -0.411608, (1, 1, 1): -0.602467,
    (2, 0, 2): -0.678582, (2, 1, 5): -0.797544, (3, 0, 1): -0.356151, (3, 1, 1): -0.570478,
    (4, 0, 0): -0.541765, (4, 1, 0): -0.576714,
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_published_losses_and_gradients_of_warp_ctc(dtype):
    losses, dlogits = ctc_loss(
        np.log(WARP_PROBS).astype(dtype), WARP_LABELS, label_lengths=[5, 4], blank=5,
        reduction="none",
    )  # fmt: skip
    np.testing.assert_allclose(losses, WARP_LOSSES, atol=6e-6)
    expected = WARP_PROBS.copy()
    for place, value in WARP_GRADIENTS.items():
        expected[place] = value
    np.testing.assert_allclose(dlogits, expected, atol=2e-6)


def test_the_small_example_of_warp_ctc():
    logits = np.full((2, 1, 5), 0.1)
    logits[0, 0, 1] = logits[1, 0, 2] = 0.6
    assert np.exp(-ctc_loss(logits, [[1, 2]], reduction="sum")[0]) == pytest.approx(0.0851911)


def test_a_class_that_is_masked_by_a_large_number():  # warp-ctc's inf_test; the loss is true here
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(50, 1, 15)).astype(np.float32), rng.integers(3, 15, (1, 10))
    labels[0, 0] = 2
    logits[:, 0, 2] = -1e30
    loss, dlogits = ctc_loss(logits, labels, reduction="sum")
    assert loss == pytest.approx(1e30)
    assert np.isfinite(dlogits).all()
    np.testing.assert_allclose(dlogits.sum(axis=2), 0, atol=1e-6)


# --- The kernel -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("frames", "sequences", "classes", "longest"),
    [(0, 2, 3, 1), (1, 1, 2, 1), (5, 3, 4, 2), (40, 5, 3, 15), (40, 5, 33, 16), (300, 2, 17, 33),
     (6, 2, 2500, 3), (7, 0, 3, 2), (4, 3, 2, 0), (9, 4, 5, 9)],
)  # fmt: skip
def test_the_kernel_does_what_is_defined(frames, sequences, classes, longest, dtype):
    rng = np.random.default_rng(frames)
    logits, labels, options = random_case(rng, frames, sequences, classes, longest, dtype)
    weights = rng.random(sequences).astype(dtype)
    arguments = (labels, options["input_lengths"], options["label_lengths"], 0, weights)
    found = []
    for kind in (kernels, reference):
        losses, dx = np.full(sequences, -1, dtype), np.full(logits.shape, 7, dtype)
        kind.ctc(logits, *arguments, losses, dx)
        found.append((losses, dx))
    (losses, dx), (expected, expected_dx) = found
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(losses, expected, rtol=8 * eps, atol=8 * eps)
    np.testing.assert_allclose(dx, expected_dx, rtol=0, atol=64 * eps)


def test_threads_change_nothing():
    logits, labels, options = random_case(np.random.default_rng(0), 60, 70, 40, 12, np.float32)
    threads = smnn.get_num_threads()
    try:
        smnn.set_num_threads(1)
        alone = ctc_loss(logits, labels, reduction="none", **options)
        smnn.set_num_threads(3)
        shared = ctc_loss(logits, labels, reduction="none", **options)
    finally:
        smnn.set_num_threads(threads)
    for a, b in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 2e-6), (np.float64, 1e-12)])
def test_thousands_of_frames_lose_no_digits(dtype, bound):
    rng = np.random.default_rng(1)
    logits = (4 * rng.normal(size=(3000, 1, 12))).astype(dtype)
    labels = rng.integers(1, 12, (1, 200))
    loss, dlogits = ctc_loss(logits, labels, reduction="sum")
    exact, exact_dx = np.empty(1), np.empty(logits.shape)
    lengths = np.array([3000]), np.array([200])
    reference.ctc(logits.astype(np.float64), labels, *lengths, 0, np.ones(1), exact, exact_dx)
    assert loss > 1000
    assert loss == pytest.approx(exact[0], rel=bound)
    np.testing.assert_allclose(dlogits, exact_dx, atol=bound)
    assert abs(dlogits.sum(axis=2)).max() < bound


def test_what_is_seen_only_at_the_end_still_counts():
    # Frame by frame, the beginnings of the right paths are e^-900 times as likely as the others.
    logits = np.zeros((60, 1, 3), np.float32)
    logits[:30, 0, 0], logits[30:, 0, 1:] = 30, -INF
    logits[:30, 0, 1:] = -30
    loss, dlogits = ctc_loss(logits, [[1] * 15], reduction="sum")
    assert 0 < loss < INF
    assert np.isfinite(dlogits).all()
    np.testing.assert_allclose(dlogits[30:, 0], 0, atol=1e-6)  # no choice is left there


# --- The gradient -----------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(0, 4), st.integers(0, 3))
def test_the_gradient_by_differences(seed, frames, longest, blank):
    rng = np.random.default_rng(seed)
    logits, labels, options = random_case(rng, frames, 2, 4, longest, blank=blank)
    losses, dlogits = ctc_loss(logits, labels, reduction="none", **options)
    np.testing.assert_allclose(dlogits.sum(axis=2), 0, atol=1e-14)
    if np.isfinite(losses).all():

        def forward(logits):
            value, gradient = ctc_loss(logits, labels, **options)
            return value, lambda dvalue: dvalue * gradient

        report = check_pullback(forward, logits, rng=1)
        assert report.ok, str(report)


def test_frames_beyond_the_length_count_for_nothing():
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(8, 2, 4))
    short = ctc_loss(logits[:5], [[1, 2], [3, 3]], reduction="none")
    logits[5:] = np.nan
    longer = ctc_loss(logits, [[1, 2], [3, 3]], reduction="none", input_lengths=[5, 5])
    np.testing.assert_array_equal(longer[0], short[0])
    np.testing.assert_array_equal(longer[1][:5], short[1])
    assert not longer[1][5:].any()


# --- Rows that have no path, and numbers that are none ----------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("labels", "frames"), [([1, 2, 1], 2), ([1, 1], 2), ([1, 1, 1], 4), ([1], 0)]
)
def test_a_row_without_a_path_is_infinite_and_has_no_gradient(labels, frames, dtype):
    logits = np.random.default_rng(0).normal(size=(6, 2, 3)).astype(dtype)
    options = {"input_lengths": [frames, 6], "reduction": "none"}
    losses, dlogits = ctc_loss(logits, [labels, labels], **options)
    assert losses[0] == INF
    assert not dlogits[:, 0].any()
    alone = ctc_loss(logits[:, 1:], [labels], reduction="none")
    assert losses[1] == alone[0][0] < INF
    np.testing.assert_array_equal(dlogits[:, 1:], alone[1])
    assert ctc_loss(logits, [labels, labels], input_lengths=[frames, 6])[0] == INF


def test_no_label_reads_as_blanks_only():
    logits = np.random.default_rng(0).normal(size=(4, 2, 3))
    for labels in (np.zeros((2, 0), int), np.full((2, 5), 9)):
        losses, dlogits = ctc_loss(logits, labels, label_lengths=[0, 0], reduction="none")
        log_probs = smnn.log_softmax(logits)
        np.testing.assert_allclose(losses, -log_probs[:, :, 0].sum(axis=0))
        expected = smnn.softmax(logits) - [1, 0, 0]
        np.testing.assert_allclose(dlogits, expected, atol=1e-15)
    losses, dlogits = ctc_loss(logits, [[1], [1]], input_lengths=[0, 0], label_lengths=[0, 1])
    assert losses == INF and not dlogits.any()
    assert ctc_loss(logits, [[1], [1]], input_lengths=[0, 4], label_lengths=[0, 0])[0] > 0
    assert ctc_loss(logits[:0], [[1], [1]], label_lengths=[0, 0])[0] == 0


def test_logits_of_minus_infinity():
    logits = np.random.default_rng(0).normal(size=(4, 3, 3))
    logits[1:3, 0, 2], logits[:, 1, 2], logits[2, 2] = -INF, -INF, -INF
    losses, dlogits = ctc_loss(logits, [[1, 2]] * 3, reduction="none")
    p = probability_of_readings(logits[:, 0])[1, 2]
    assert losses[0] == pytest.approx(-np.log(p))
    np.testing.assert_allclose(dlogits[:, 0].sum(axis=1), 0, atol=1e-15)
    assert not dlogits[1:3, 0, 2].any()
    assert losses[1] == INF and not dlogits[:, 1].any()
    assert np.isnan(losses[2]) and np.isnan(dlogits[:, 2]).all()  # softmax of this row is nan


@pytest.mark.parametrize("wrong", [np.nan, INF])
def test_a_nan_stays_in_its_sequence(wrong):
    logits = np.random.default_rng(0).normal(size=(4, 2, 3))
    expected = ctc_loss(logits, [[1, 2]] * 2, reduction="none")
    logits[2, 0, 1] = wrong
    losses, dlogits = ctc_loss(logits, [[1, 2]] * 2, reduction="none")
    assert np.isnan(losses[0]) and np.isnan(dlogits[:, 0]).all()
    assert losses[1] == expected[0][1]
    np.testing.assert_array_equal(dlogits[:, 1], expected[1][:, 1])


def test_a_certain_network_has_no_negative_loss():
    logits = 60 * smnn.one_hot([0, 1, 0, 2, 2] * 40, 3, dtype="float32")[:, None]
    loss, dlogits = ctc_loss(logits, [[1, 2] * 40], reduction="sum")
    assert 0 <= loss < 1e-4
    np.testing.assert_allclose(dlogits, 0, atol=1e-5)


# --- Arguments --------------------------------------------------------------------------


def test_reductions():
    logits, labels, _ = random_case(np.random.default_rng(3), 9, 3, 4, 3)
    lengths = [3, 1, 0]
    losses, gradients = ctc_loss(logits, labels, label_lengths=lengths, reduction="none")
    total, of_sum = ctc_loss(logits, labels, label_lengths=lengths, reduction="sum")
    mean, of_mean = ctc_loss(logits, labels, label_lengths=lengths)
    assert total == pytest.approx(losses.sum())
    np.testing.assert_array_equal(of_sum, gradients)
    assert mean == pytest.approx((losses / [3, 1, 1]).mean())
    np.testing.assert_allclose(of_mean, gradients / np.array([9, 3, 3])[:, None], rtol=1e-14)
    assert np.isnan(ctc_loss(logits[:, :0], labels[:0])[0])
    assert ctc_loss(logits[:, :0], labels[:0], reduction="sum")[0] == 0


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_dtypes_and_spellings(dtype):
    logits, labels, options = random_case(np.random.default_rng(4), 9, 3, 4, 2)
    logits, options["input_lengths"] = logits.astype(dtype), np.array([9, 7, 5])
    before = logits.copy()
    loss, dlogits = ctc_loss(logits, labels, **options)
    assert loss.dtype == dlogits.dtype == np.dtype(dtype).newbyteorder("=")
    read_only = np.asfortranarray(logits)
    read_only.flags.writeable = False
    options = {key: np.asarray(value, np.int32) for key, value in options.items()} | {"blank": 0}
    again, dlogits_again = ctc_loss(read_only, labels.astype(np.int32), **options)
    assert again == loss
    np.testing.assert_array_equal(dlogits_again, dlogits)
    np.testing.assert_array_equal(logits, before)


ONES = np.ones((4, 2, 3))
TWO = [[1], [1]]  # labels of its two sequences


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ctc_loss(ONES[0], [[1], [1]]), ValueError, r"shape \(T, N, C\) .* got shape \(2"),
        (lambda: ctc_loss(ONES[..., :0], [[1], [1]]), ValueError, "at least one class"),
        (lambda: ctc_loss(ONES, [1, 2]), ValueError, r"labels must have shape \(N, L\), one row"),
        (lambda: ctc_loss(ONES, [[1]]), ValueError, "each of the 2 sequences, got shape"),
        (lambda: ctc_loss(ONES, [[1.0], [2.0]]), TypeError, "labels must hold integer"),
        (lambda: ctc_loss(ONES, [[1], [3]]), IndexError, "label 3 at row 1, 0 is out of range"),
        (lambda: ctc_loss(ONES, [[1], [-1]]), IndexError, "label -1 at row 1, 0"),
        (lambda: ctc_loss(ONES, [[1], [0]]), ValueError, "no label may be the blank, 0, .* 1 is"),
        (lambda: ctc_loss(ONES, [[0], [2]], blank=2), ValueError, "the blank, 2"),
        (lambda: ctc_loss(ONES, [[1], [1]], blank=3), ValueError, "blank must be a class from 0"),
        (lambda: ctc_loss(ONES, [[1], [1]], blank=-1), ValueError, "from 0 to 2, got -1"),
        (lambda: ctc_loss(ONES, [[1], [1]], blank=0.0), TypeError, "blank must be an integer"),
        (lambda: ctc_loss(ONES, TWO, input_lengths=[4, 5]), ValueError, "from 0 to 4, got 5"),
        (lambda: ctc_loss(ONES, TWO, input_lengths=[4, -1]), ValueError, "from 0 to 4, got -1"),
        (lambda: ctc_loss(ONES, TWO, input_lengths=4), ValueError, "one number per sequence"),
        (lambda: ctc_loss(ONES, TWO, label_lengths=[2, 1]), ValueError, "from 0 to 1, got 2"),
        (lambda: ctc_loss(ONES, [[1], [1]], label_lengths=[0.5, 1]), TypeError, "label_lengths"),
        (lambda: ctc_loss(ONES, [[1], [1]], reduction="batch"), ValueError, "reduction must be"),
        (lambda: ctc_loss("a", [[1]]), TypeError, "logits must hold"),
        (lambda: ctc_greedy_decode(ONES[0]), ValueError, r"shape \(T, N, C\)"),
        (lambda: ctc_beam_search(ONES, beam_width=0), ValueError, "beam_width must be at least 1"),
        (lambda: ctc_beam_search(ONES, beam_width=2, blank=7), ValueError, "blank must be"),
    ],
)
def test_wrong_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


# --- Decoding ---------------------------------------------------------------------------


@pytest.mark.parametrize("blank", [0, 2])
def test_the_greedy_reading_is_that_of_the_likeliest_path(blank):
    logits = np.random.default_rng(5).normal(size=(12, 20, 3))
    lengths = np.arange(20) % 13
    found = ctc_greedy_decode(logits, input_lengths=lengths, blank=blank)
    for n, labels in enumerate(found):
        assert labels == reading(logits[: lengths[n], n].argmax(axis=1).tolist(), blank)


@pytest.mark.parametrize("blank", [0, 1])
@pytest.mark.parametrize("frames", [0, 1, 4, 5])
def test_a_wide_beam_finds_every_reading_with_its_probability(frames, blank):
    logits = np.random.default_rng(frames).normal(size=(frames, 2, 3))
    for n, found in enumerate(ctc_beam_search(logits, beam_width=1000, blank=blank)):
        expected = probability_of_readings(logits[:, n], blank)
        assert {labels for labels, _ in found} == set(expected)
        for labels, log_p in found:
            assert log_p == pytest.approx(np.log(expected[labels]), abs=1e-12)
        scores = [log_p for _, log_p in found]
        assert scores == sorted(scores, reverse=True)


def test_a_narrow_beam_finds_no_more_than_there_is():
    logits = 2 * np.random.default_rng(6).normal(size=(30, 4, 6)).astype(np.float32)
    lengths = [30, 20, 1, 0]
    for width in (1, 3, 20):
        for n, found in enumerate(ctc_beam_search(logits, beam_width=width, input_lengths=lengths)):
            assert 1 <= len(found) <= width
            for labels, log_p in found:
                row = np.array([labels], int).reshape(1, -1)
                loss, _ = ctc_loss(logits[: lengths[n], n : n + 1].astype(float), row)
                assert log_p <= -loss * max(1, len(labels)) + 1e-9


def test_the_likeliest_path_is_not_the_likeliest_reading():
    logits = np.log([[[0.6, 0.4]], [[0.6, 0.4]]])
    assert ctc_greedy_decode(logits) == [()]
    (best, log_p), (second, log_q) = ctc_beam_search(logits, beam_width=2)[0]
    assert (best, second) == ((1,), ())
    np.testing.assert_allclose(np.exp([log_p, log_q]), [0.64, 0.36])


@pytest.mark.parametrize("wrong", [np.nan, INF, -INF])
def test_a_frame_that_has_no_softmax_cannot_be_read(wrong):
    logits = np.zeros((2, 2, 3))
    logits[1, 1] = wrong
    for decode in (ctc_greedy_decode, lambda *x, **o: ctc_beam_search(*x, beam_width=2, **o)):
        with pytest.raises(ValueError, match="no softmax in frame 1 of sequence 1"):
            decode(logits)
        assert len(decode(logits, input_lengths=[2, 1])) == 2


# --- PyTorch ----------------------------------------------------------------------------


@pytest.mark.peers
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_as_pytorch(dtype, reduction):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(7)
    logits, labels, options = random_case(rng, 50, 12, 8, 6, dtype, blank=3)
    options["input_lengths"][0], options["label_lengths"][0] = 2, 5  # has no path
    options["input_lengths"][1:] = rng.integers(20, 51, 11)
    options["label_lengths"][1] = 0
    loss, dlogits = ctc_loss(logits, labels, reduction=reduction, **options)
    # In float64, as its logarithms of probabilities lose digits in float32.
    x = torch.tensor(logits.astype(np.float64), requires_grad=True)
    names = "input_lengths", "label_lengths"
    others = torch.tensor(labels), *(torch.tensor(options[name]) for name in names)

    def theirs(**rest):
        log_probs = x.log_softmax(-1)
        return torch.nn.functional.ctc_loss(
            log_probs, *others, blank=3, reduction=reduction, **rest
        )

    bound = 1e-6 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(loss, theirs().detach().numpy(), rtol=bound)
    (gradient,) = torch.autograd.grad(theirs(zero_infinity=True).sum(), x)
    np.testing.assert_allclose(dlogits, gradient.numpy(), atol=bound)
