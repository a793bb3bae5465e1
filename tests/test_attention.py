"""Attention against its definition, which stores the matrix of weights."""

import subprocess
import sys

import numpy as np
import pytest
from attention_cases import naive_attention, random_case

from smnn import attention, logsumexp, set_num_threads, softmax
from smnn.functional import _attention as tiles

SMALL_TILES = {
    "QUERIES": 16, "KEYS": 12, "KEYS_PER_GROUP": 9, "QUERIES_FOR_COLUMNS": 20, "STRIP": 5,
}  # fmt: skip


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles so small that every case is of several, of which the last ones are parts."""
    for name, size in SMALL_TILES.items():
        monkeypatch.setattr(tiles, name, size)


def assert_all_close(found, expected, what=""):
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == np.float64
        np.testing.assert_allclose(one, other, 1e-9, 1e-12, err_msg=str(what))


@pytest.mark.parametrize("batch", range(5))
def test_it_is_what_is_defined(batch, small_tiles):
    for seed in range(40 * batch, 40 * (batch + 1)):
        (q, k, v, dout), options = random_case(seed)
        out, backward = attention(q, k, v, **options)
        expected, expected_backward = naive_attention(q, k, v, **options)
        assert_all_close([out, *backward(dout)], [expected, *expected_backward(dout)], seed)


def test_float32_is_as_exact_as_the_definition_in_float32(small_tiles):
    """The largest error, of the output and each gradient, in units of that of the definition."""
    for seed in range(100):
        inputs, options = random_case(seed, np.float32)
        results = []
        for function, dtype in (
            (attention, np.float32), (naive_attention, np.float32), (naive_attention, np.float64)
        ):  # fmt: skip
            *given, dout = (x.astype(dtype) for x in inputs)
            own = options | ({"sink": dtype(options["sink"])} if "sink" in options else {})
            out, backward = function(*given, **own)
            results.append([out, *backward(dout)])
        size = max(np.abs(exact).max() for exact in results[2])
        for found, naive, exact in zip(*results, strict=True):
            assert found.dtype == np.float32
            error, bar = np.abs(found - exact).max(), np.abs(naive - exact).max()
            assert error <= 3 * bar + 3e-6 * size, seed


def test_with_the_tiles_that_are_used():
    for seed in (0, 4, 7, 11):
        rng = np.random.default_rng(seed)
        n, m = rng.integers(500, 1300, 2)
        q, k, v = (rng.standard_normal((size, 7)) for size in (n, m, m))
        options = {"causal": seed % 2 == 0, "sink": 1.0}
        out, backward = attention(q, k, v, **options)
        expected, expected_backward = naive_attention(q, k, v, **options)
        assert_all_close([out, *backward(out)], [expected, *expected_backward(out)])


def test_causal_by_hand_for_more_queries_or_more_keys():
    """The first query sees the first key alone, whatever N and M are."""
    v = np.arange(1.0, 5.0)[:, None]
    for n, m, expected in ((2, 4, [1, 1.5]), (4, 2, [1, 1.5, 1.5, 1.5]), (3, 3, [1, 1.5, 2])):
        out, _ = attention(np.ones((n, 1)), np.zeros((m, 1)), v[:m], causal=True)
        np.testing.assert_allclose(out[:, 0], expected, 1e-15)


@pytest.mark.parametrize("causal", [False, True])
def test_rows_with_nothing_to_attend_to_are_0_and_give_no_gradient(causal, small_tiles):
    rng = np.random.default_rng(0)
    q, k, v, dout = (rng.standard_normal((50, 6)) for _ in range(4))
    mask = rng.random((50, 50)) < 0.5
    empty = [0, 7, 20, 49]
    mask[empty] = False
    for options in ({}, {"sink": -np.inf}, {"sink": 20.0}, {"softcap": 2.0}):
        out, backward = attention(q, k, v, mask=mask, causal=causal, **options)
        gradients = backward(dout)
        assert not out[empty].any() and not gradients[0][empty].any()
        expected = naive_attention(q, k, v, mask=mask, causal=causal, **options)
        assert_all_close([out, *gradients], [expected[0], *expected[1](dout)])
    out, backward = attention(q, k, v, mask=False)
    assert not out.any() and not any(gradient.any() for gradient in backward(dout))


def test_a_sink_of_20_takes_its_share():
    """A sink of 0 would hardly be seen beside scores of this size, or in their maximum."""
    rng = np.random.default_rng(1)
    q, k, v, dout = (rng.standard_normal((30, 8)) for _ in range(4))
    sink = np.full(30, 20.0)
    out, backward = attention(q, k, v, sink=sink)
    scores = q @ k.T / np.sqrt(8)
    p = softmax(np.concatenate([scores, sink[:, None]], axis=1))
    assert p[:, -1].min() > 0.999, "the sink takes nearly all"
    np.testing.assert_allclose(out, p[:, :-1] @ v, 1e-12)
    assert_all_close(backward(dout), naive_attention(q, k, v, sink=sink)[1](dout))
    # as one more key with the value 0, that every query scores alike
    more = np.concatenate([k / np.sqrt(8), np.zeros((1, 8))])
    more = np.concatenate([more, np.eye(31)[-1:].T], axis=1)
    asked = np.concatenate([q, sink[:, None]], axis=1)
    value = np.concatenate([v, np.zeros((1, 8))])
    np.testing.assert_allclose(attention(asked, more, value, scale=1.0)[0], out, 1e-12)


def test_sinks_of_every_form_and_size():
    rng = np.random.default_rng(2)
    q, k, v, dout = (rng.standard_normal((2, 5, 4)) for _ in range(4))
    plain = attention(q, k, v)[0]
    for sink in (-np.inf, [-np.inf] * 5):
        np.testing.assert_array_equal(attention(q, k, v, sink=sink)[0], plain)
    out, backward = attention(q, k, v, sink=np.inf)
    assert not out.any() and not any(gradient.any() for gradient in backward(dout))
    for sink in (3, 20.0, rng.standard_normal(5), rng.standard_normal((2, 5)), np.ones((2, 1))):
        found = attention(q, k, v, sink=sink)[0]
        np.testing.assert_allclose(found, naive_attention(q, k, v, sink=sink)[0], 1e-12)
    assert np.isnan(attention(q, k, v, sink=np.nan)[0]).all()
    # far above and far below the scores nothing overflows
    np.testing.assert_allclose(attention(100 * q, k, v, sink=-1e4)[0], attention(100 * q, k, v)[0])
    assert np.abs(attention(q, k, v, sink=1e4)[0]).max() == 0


def test_the_gradient_of_the_sink_follows_as_the_docstring_says():
    rng = np.random.default_rng(3)
    q, k, v, dout = (rng.standard_normal((6, 4)) for _ in range(4))
    sink, step = rng.standard_normal(6), 1e-6
    weights, _ = attention(q, k, np.ones((6, 1)), sink=sink)
    out, _ = attention(q, k, v, sink=sink)
    found = -(1 - weights[:, 0]) * (dout * out).sum(1)
    ends = [(attention(q, k, v, sink=sink + d)[0] * dout).sum(1) for d in (step, -step)]
    np.testing.assert_allclose(found, (ends[0] - ends[1]) / (2 * step), 1e-7)


def test_softcap_where_it_binds():
    rng = np.random.default_rng(4)
    q, k, v, dout = (10 * rng.standard_normal((40, 4)) for _ in range(4))
    z = q @ k.T / 2
    assert (abs(z) > 3).mean() > 0.9, "most scores are capped"
    out, backward = attention(q, k, v, softcap=3.0)
    expected, expected_backward = naive_attention(q, k, v, softcap=3.0)
    assert_all_close([out, *backward(dout)], [expected, *expected_backward(dout)])
    weights = attention(q, k, np.eye(40), softcap=3.0)[0]
    assert weights.min() > np.exp(-6) / 40, "no score is below −3 or above 3"


def test_backward_can_be_called_again():
    (q, k, v, dout), options = random_case(9)
    _, backward = attention(q, k, v, **options)
    first = backward(dout)
    for one, other in zip(first, backward(dout), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(backward(2 * dout), first, strict=True):
        np.testing.assert_allclose(one, 2 * other, 1e-12)


def test_no_result_depends_on_the_number_of_threads():
    rng = np.random.default_rng(5)
    q, k, v, dout = (rng.standard_normal((1, 900, 32), np.float32) for _ in range(4))
    results = []
    for threads in (1, 2, 3):
        set_num_threads(threads)
        try:
            out, backward = attention(q, k, v, causal=True)
            results.append((out, *backward(dout)))
        finally:
            set_num_threads(1)
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_the_keys_are_shared_among_four_sums_at_most(monkeypatch, small_tiles):
    """Each sum is an array like q, so that their number must not grow with the keys."""
    parts, parallel_rows = [], tiles.parallel_rows

    def noticed(work, count, size):
        parts.append(count)
        parallel_rows(work, count, size)

    monkeypatch.setattr(tiles, "parallel_rows", noticed)
    for keys in 10, 20, 30, 60, 120:
        x = np.ones((keys, 1))
        attention(x[:1], x, x)[1](x[:1])
    assert parts[1::2] == [1, 2, 3, 4, 4]  # the other ones are those of the way there


def test_a_mask_broadcasts_and_can_be_a_view():
    rng = np.random.default_rng(6)
    q, k, v = (rng.standard_normal((2, 3, 20, 4)) for _ in range(3))
    whole = rng.random((2, 3, 20, 20)) < 0.5
    for mask in (
        whole, whole[0, 0], whole[:, :1], whole[..., :1, :], whole[..., :1],
        np.swapaxes(whole, -1, -2), whole[0, 0].tolist(), True,
    ):  # fmt: skip
        found = attention(q, k, v, mask=mask)[0]
        np.testing.assert_allclose(found, naive_attention(q, k, v, mask=mask)[0], 1e-10, 1e-13)


def test_leading_axes_broadcast_and_gradients_are_summed_back():
    rng = np.random.default_rng(7)
    q = rng.standard_normal((2, 3, 5, 4))
    k, v = rng.standard_normal((1, 6, 4)), rng.standard_normal((2, 1, 6, 2))
    out, backward = attention(q, k, v)
    assert out.shape == (2, 3, 5, 2)
    expected, expected_backward = naive_attention(q, k, v)
    gradients = backward(out)
    assert [g.shape for g in gradients] == [q.shape, k.shape, v.shape]
    assert_all_close([out, *gradients], [expected, *expected_backward(out)])


@pytest.mark.parametrize(
    ("lead", "n", "m", "d", "e"),
    [
        ((), 3, 0, 2, 2), ((), 0, 3, 2, 2), ((0,), 3, 3, 2, 2), ((), 3, 4, 0, 2),
        ((), 3, 4, 2, 0), ((), 0, 0, 0, 0), ((2,), 1, 1, 1, 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("causal", [False, True])
def test_empty_axes(lead, n, m, d, e, causal):
    q, k, v = np.ones((*lead, n, d)), np.ones((*lead, m, d)), np.ones((*lead, m, e))
    out, backward = attention(q, k, v, causal=causal, sink=None if d else 0.0)
    assert out.shape == (*lead, n, e)
    if m == 0:
        assert not out.any()
    elif d == 0 and not causal:
        np.testing.assert_allclose(out, m / (m + 1), 1e-15)  # all scores are 0, as the sink
    for gradient, x in zip(backward(np.ones(out.shape)), (q, k, v), strict=True):
        assert gradient.shape == x.shape and np.isfinite(gradient).all()


def test_large_scores_do_not_overflow_and_infinite_ones_make_nan():
    q = np.float32([[1e4], [-1e4], [0.0]])
    k, v = np.float32([[1e4], [2e4]]), np.float32([[1.0], [2.0]])
    out, backward = attention(q, k, v)
    np.testing.assert_array_equal(out[:, 0], [2, 1, 1.5])
    assert all(np.isfinite(gradient).all() for gradient in backward(out))
    out, _ = attention(np.float32([[1e30], [1.0]]), k * np.float32(1e10), v)
    assert np.isnan(out[0, 0]) and out[1, 0] == 2
    out, _ = attention([[np.nan], [1.0]], k, v)
    assert np.isnan(out[0, 0]) and np.isfinite(out[1, 0])


def test_a_scale_of_0_is_the_mean():
    v = np.arange(6.0).reshape(3, 2)
    out, backward = attention(np.ones((4, 2)), np.ones((3, 2)), v, scale=0)
    np.testing.assert_allclose(out, np.tile(v.mean(0), (4, 1)), 1e-15)
    assert not backward(out)[0].any()


def test_float16_and_mixed_dtypes():
    rng = np.random.default_rng(8)
    q, k, v = (rng.standard_normal((9, 4)).astype(np.float16) for _ in range(3))
    out, backward = attention(q, k, v)
    expected, expected_backward = naive_attention(*(x.astype(np.float64) for x in (q, k, v)))
    np.testing.assert_allclose(out, expected, 2e-3, 1e-3)
    gradients = backward(out.astype(np.float32))
    for found, wanted in zip(gradients, expected_backward(out.astype(float)), strict=True):
        assert found.dtype == np.float16
        np.testing.assert_allclose(found, wanted, 4e-3, 2e-3)
    for given, dtype in (
        ((q, k.astype(np.float32), v), "float32"),
        ((q, k.astype(np.float32), v.astype(float)), "float64"),
        ((np.ones((2, 2), int), [[1, 2]], [[3]]), "float64"),
    ):
        assert attention(*given)[0].dtype == dtype


def test_strided_arrays_are_read_and_left_as_they_are():
    rng = np.random.default_rng(10)
    whole = rng.standard_normal((12, 10, 2, 3))
    q, k = (np.moveaxis(whole[:, :, i], 0, 1) for i in range(2))
    v = np.asfortranarray(k)[..., ::-1]
    before = whole.copy()
    out, backward = attention(q, k, v)
    expected, expected_backward = naive_attention(q, k, v)
    assert_all_close([out, *backward(out)], [expected, *expected_backward(out)])
    np.testing.assert_array_equal(whole, before)


ONES = np.ones((3, 2))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((np.ones(3), ONES, ONES), {}, ValueError, r"q must have shape \(..., N, d\), got shape"),
        ((ONES, ONES, 1.0), {}, ValueError, r"v must have shape \(..., M, e\), got shape \(\)"),
        ((ONES, np.ones((3, 4)), ONES), {}, ValueError, "q and k must have the same last axis"),
        ((ONES, ONES, np.ones((4, 2))), {}, ValueError, "k and v must have as many rows"),
        (
            (np.ones((2, 3, 2)), np.ones((3, 3, 2)), ONES), {}, ValueError,
            "leading axes of q, k and v must broadcast",
        ),
        ((ONES * 1j, ONES, ONES), {}, TypeError, "q must hold float16"),
        ((ONES, ONES > 0, ONES), {}, TypeError, "k must hold float16"),
        ((ONES,) * 3, {"mask": np.ones((3, 4), bool)}, ValueError, "mask must broadcast to"),
        ((ONES,) * 3, {"mask": np.ones((2, 3, 3), bool)}, ValueError, "mask must broadcast to"),
        ((ONES,) * 3, {"mask": np.zeros((3, 3))}, TypeError, "mask must be a boolean array"),
        ((ONES,) * 3, {"causal": 1}, TypeError, "causal must be True or False, got 1"),
        ((ONES,) * 3, {"scale": np.nan}, ValueError, "scale must be finite, got nan"),
        ((ONES,) * 3, {"scale": "1"}, TypeError, "scale must be a real number"),
        ((ONES,) * 3, {"softcap": 0.0}, ValueError, "softcap must be positive and finite"),
        ((ONES,) * 3, {"softcap": -2}, ValueError, "softcap must be positive and finite"),
        ((ONES,) * 3, {"softcap": np.nan}, ValueError, "softcap must be positive and finite"),
        ((ONES,) * 3, {"sink": np.ones(2)}, ValueError, r"sink must broadcast to \(..., N\)"),
        ((ONES,) * 3, {"sink": True}, TypeError, "sink must hold float16"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(arguments, options, error, message):
    with pytest.raises(error, match=message):
        attention(*arguments, **options)


def test_a_gradient_of_another_shape_is_refused():
    _, backward = attention(ONES, ONES, ONES)
    with pytest.raises(ValueError, match=r"dout must have the shape of out, \(3, 2\), got"):
        backward(np.ones((3, 1)))


MEASURED = """
import tracemalloc, numpy as np
from smnn import attention, set_num_threads

n, d = 32_768, 8
q, k, v = (np.random.default_rng(0).standard_normal((n, d), np.float32) for _ in range(3))
attention(q[:600], k[:600], v[:600])[1](v[:600])
set_num_threads(1)
tracemalloc.start()
out, backward = attention(q, k, v, causal=True)
backward(out)
print(tracemalloc.get_traced_memory()[1] / (n * d * 4))
"""


def test_its_memory_grows_with_the_rows_and_not_with_their_square():
    """In arrays of the size of q: the matrix of weights would be 4,096 of them."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert 4 < float(done.stdout) < 25, done.stdout


def test_the_log_sum_exp_that_is_kept_is_that_of_the_scores():
    rng = np.random.default_rng(11)
    q, k, v = (rng.standard_normal((33, 4)) for _ in range(3))
    call = tiles._Tiles(q, k, v, (), np.dtype(float), None, False, 0.5, None)
    np.testing.assert_allclose(call.forward(None)[1], logsumexp(0.5 * q @ k.T), 1e-14)
