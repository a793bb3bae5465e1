"""Draws have the probabilities of the softmax, and a search finds the likeliest sequences."""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import smnn
from smnn import beam_search, generate, reference, sample, sample_without_replacement
from smnn.functional.backend import kernels

INF = np.inf


def chi_square(found, probs):
    """The p-value of counts of draws under these probabilities."""
    possible = probs > 0
    assert not np.isin(found, np.flatnonzero(~possible)).any()
    counts = np.bincount(found.ravel(), minlength=len(probs))[possible]
    return scipy.stats.chisquare(counts, found.size * probs[possible]).pvalue


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("classes", [2, 3, 16, 1000, 1025, 3000])
def test_draws_have_the_probabilities_of_the_softmax(classes, dtype):
    rng = np.random.default_rng(classes)
    logits = rng.normal(size=classes).astype(dtype)
    logits[rng.random(classes) < 0.2] = -INF
    logits[:2] = 1, 0
    found = sample(logits, temperature=1.7, size=200_000, rng=1)
    assert chi_square(found, smnn.softmax(logits.astype(float), temperature=1.7)) > 1e-4


def test_a_wrong_temperature_is_seen():
    logits = np.random.default_rng(0).normal(size=16)
    assert chi_square(sample(logits, size=200_000, rng=1), smnn.softmax(0.95 * logits)) < 1e-4


@pytest.mark.parametrize("kind", ["kernels", "reference"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("classes", [1, 2, 17, 1024, 2050])
def test_a_uniform_number_chooses_where_the_running_sum_passes_it(kind, classes, dtype):
    rng = np.random.default_rng(classes)
    x = (3 * rng.normal(size=(7, classes))).astype(dtype)
    x[rng.random(x.shape) < 0.3] = -INF
    x[:, 0] = 0
    x[3], x[4, 0], x[5] = -INF, np.nan, INF
    uniform = rng.random((7, 50))
    uniform[:, :2] = 0, 1 - 2**-53
    found = np.full(uniform.shape, -7)
    {"kernels": kernels, "reference": reference}[kind].draw(x, 0.5, uniform, found)
    assert (found[3:6] == -1).all()
    for row in (0, 1, 2, 6):
        exps = np.exp((x[row].astype(float) - x[row].max()) * 0.5)
        sums = np.cumsum(exps)
        below = np.where(found[row] > 0, sums[found[row] - 1], 0)
        target, slack = uniform[row] * sums[-1], 1e-5 * sums[-1]
        assert (exps[found[row]] > 0).all()
        assert (below <= target + slack).all() and (target <= sums[found[row]] + slack).all()


def test_draws_do_not_depend_on_threads():
    logits = np.random.default_rng(0).normal(size=(300, 20_000)).astype(np.float32)
    threads = smnn.get_num_threads()
    try:
        smnn.set_num_threads(1)
        alone = sample(logits, rng=3)
        smnn.set_num_threads(3)
        np.testing.assert_array_equal(sample(logits, rng=3), alone)
    finally:
        smnn.set_num_threads(threads)


def test_shapes():
    logits = np.zeros((2, 3, 5))
    for size, tail in ((None, ()), (4, (4,)), ((4,), (4,)), ((2, 0), (2, 0)), ((), ())):
        for temperature in (0, 1):
            found = sample(logits, size=size, temperature=temperature, rng=0)
            assert found.shape == (2, 3, *tail) and found.dtype == np.int64
    assert sample([0.0, 1.0], rng=0).shape == ()
    assert sample(np.zeros((0, 4)), size=3).shape == (0, 3)
    assert sample_without_replacement(logits, 2, rng=0).shape == (2, 3, 2)
    assert sample_without_replacement(np.zeros((0, 4)), 2).shape == (0, 2)


def kept(logits, **options):
    """The classes that can be drawn."""
    return set(np.unique(sample(logits, size=2000, rng=0, **options)).tolist())


def test_the_order_is_temperature_top_k_top_p_min_p():
    assert kept([3.0, 2.0, 1.0], top_p=0.8) == {0, 1}
    assert kept([3.0, 2.0, 1.0], top_p=0.8, temperature=0.5) == {0}
    probs = np.log([0.4, 0.3, 0.2, 0.1])
    assert kept(probs, top_p=0.55) == {0, 1}
    assert kept(probs, top_p=0.55, top_k=2) == {0}  # .4 / .7 is above .55
    assert kept(probs, min_p=0.5) == {0, 1, 2}
    assert kept(probs, min_p=0.5, temperature=0.5) == {0, 1}
    assert kept([1.0, 3.0, 3.0], min_p=1.0) == {1, 2}  # what is as likely as the likeliest stays


def test_the_crossing_token_stays():
    assert kept(np.log([0.5, 0.41, 0.09]), top_p=0.9) == {0, 1}
    assert kept(np.log([0.95, 0.05]), top_p=0.9) == {0}
    assert kept(np.log([0.95, 0.05]), top_p=1e-12) == {0}
    assert kept(np.log([0.95, 0.05]), top_p=1.0) == {0, 1}


def test_top_k_keeps_exactly_k():
    assert kept(np.zeros(5), top_k=2) == {0, 1}
    assert kept([1.0, 2.0, 1.0, 1.0, 0.0], top_k=3) == {0, 1, 2}
    assert kept([1.0, 2.0], top_k=9) == {0, 1}
    assert kept([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]], top_k=1) == {0, 2}


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_truncation_against_one_row_at_a_time(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    logits = np.round(2 * rng.normal(size=(3, data.draw(st.integers(1, 9)))), 1)
    k = data.draw(st.none() | st.integers(1, 10))
    p = data.draw(st.none() | st.floats(0.01, 1.0))
    low = data.draw(st.none() | st.floats(0.0, 1.0))
    for row in logits:
        order = sorted(range(len(row)), key=lambda j: (-row[j], j))[:k]
        probs = smnn.softmax(row[order])
        before = np.concatenate([[0], np.cumsum(probs)[:-1]])
        if p is not None:
            order = [j for j, mass in zip(order, before, strict=True) if mass < p]
        if low:
            order = [j for j in order if row[j] - row[order[0]] >= np.log(low)]
        possible = np.full(len(row), -INF)
        possible[order] = row[order]
        found = sample(row, top_k=k, top_p=p, min_p=low, size=5000, rng=0)
        np.testing.assert_array_equal(found, sample(possible, size=5000, rng=0))


def test_temperature_0_takes_the_first_of_the_largest():
    assert sample([[1.0, 3.0, 3.0], [0.0, -INF, -1.0]], temperature=0).tolist() == [1, 0]
    assert sample([1.0, 1 + 1e-12], temperature=0) == 1  # which are equal in float32
    assert sample([1.0, 3.0], temperature=1e-300, size=3, rng=0).tolist() == [1, 1, 1]
    assert sample([1.0, 1.0], temperature=1e-300, size=64, rng=0).sum() in range(10, 55)


def test_draws_without_replacement_are_in_order():
    probs = np.array([0.6, 0.3, 0.1, 0.0])
    with np.errstate(divide="ignore"):
        logits = np.broadcast_to(np.log(probs), (100_000, 4))
    found = sample_without_replacement(logits, 2, rng=0)
    pairs = [(i, j) for i, j in itertools.permutations(range(3), 2)]
    expected = np.array([probs[i] * probs[j] / (1 - probs[i]) for i, j in pairs])
    which = np.array([pairs.index(tuple(pair)) for pair in found.tolist()])
    assert chi_square(which, expected) > 1e-4
    assert sorted(sample_without_replacement(np.zeros(6), 6, rng=0).tolist()) == list(range(6))


LANGUAGE = smnn.log_softmax(np.random.default_rng(3).normal(size=(4, 4)) * 1.5)


def step(prefixes):
    return LANGUAGE[prefixes[:, -1]]


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 1.0, -0.5])
@pytest.mark.parametrize("end", [None, 3])
def test_a_beam_as_wide_as_all_sequences_finds_the_best(end, length_penalty):
    depth = 4
    every = {}
    for n in range(1, depth + 1):
        for tokens in itertools.product(range(4), repeat=n):
            whole = n == depth or tokens[-1] == end
            if whole and end not in tokens[:-1]:
                path = zip((1, *tokens), tokens, strict=False)
                total = sum(LANGUAGE[before, token] for before, token in path)
                every[(1, *tokens)] = total / n**length_penalty
    best = sorted(every.items(), key=lambda pair: -pair[1])[:5]
    options = dict(max_length=depth, end=end, length_penalty=length_penalty)
    found = beam_search(step, [1], beam_width=4**depth, **options)
    assert len(found) == len(every)
    for (tokens, score), (expected, value) in zip(found, best, strict=False):
        assert tokens == expected and score == pytest.approx(value)
    for narrow in (1, 2, 3, 7):  # the early end loses nothing: whoever is returned is scored right
        for tokens, score in beam_search(step, [1], beam_width=narrow, **options):
            assert score == pytest.approx(every[tokens])


def test_a_search_that_ends_early_returns_what_a_patient_one_does():
    calls = []

    def certain(prefixes):
        calls.append(len(prefixes))
        return np.log([[0.04, 0.06, 0.9]] * len(prefixes))

    found = beam_search(certain, [], beam_width=2, max_length=50, end=2)
    assert [tokens for tokens, _ in found] == [(2,), (1, 2)]
    assert len(calls) == 2


def test_a_search_for_long_sequences_waits_for_the_longest():
    first, then = np.array([0.2, 0.2, 0.1, 0.5]), np.array([1.0, 0, 0, 0])

    def step(prefixes):
        with np.errstate(divide="ignore"):
            return np.log([then if prefixes.size else first] * len(prefixes))

    options = dict(beam_width=1, end=3, length_penalty=1.0)
    # With one token more, log 0.2 counts half, which is worse than log 0.5; with two, a third.
    for length, best in (1, (3,)), (2, (3,)), (3, (0, 0, 0)):
        ((tokens, score),) = beam_search(step, [], max_length=length, **options)
        assert tokens == best
    assert score == pytest.approx(np.log(0.2) / 3)


def test_what_rounding_leaves_above_0_is_a_log_probability():
    found = beam_search(lambda prefixes: [[1e-6, -14.0]], [], beam_width=1, max_length=1)
    assert found == [((0,), 1e-6)]
    with pytest.raises(ValueError, match="log-probabilities, which are at most 0"):
        beam_search(lambda prefixes: [[2e-6, -14.0]], [], beam_width=1, max_length=1)


def test_the_start_does_not_count():
    once = beam_search(step, [1], beam_width=3, max_length=2, length_penalty=1.0)
    longer = beam_search(step, [0, 2, 1], beam_width=3, max_length=2, length_penalty=1.0)
    assert [score for _, score in once] == [score for _, score in longer]
    assert longer[0][0][:3] == (0, 2, 1) and len(longer[0][0]) == 5


def test_a_step_function_may_change_what_it_gets():
    def careless(prefixes):
        table = step(prefixes)
        prefixes[...] = 0
        return table

    assert beam_search(careless, [1], beam_width=3, max_length=3) == beam_search(
        step, [1], beam_width=3, max_length=3
    )


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: sample(3.0), ValueError, r"shape \(..., C\) with at least one class, got \(\)"),
        (lambda: sample([]), ValueError, r"at least one class, got \(0,\)"),
        (lambda: sample(["a"]), TypeError, "logits must hold"),
        (lambda: sample([[0, 1.0], [0, np.nan]]), ValueError, "row 1 holds nan"),
        (lambda: sample([0, INF]), ValueError, "it holds inf"),
        (lambda: sample([-INF, -INF]), ValueError, "it holds nothing but -inf"),
        (lambda: sample([-INF, -INF], temperature=0), ValueError, "nothing but -inf"),
        (lambda: sample([-INF, np.nan], top_k=1), ValueError, "holds"),
        (lambda: sample([0, 1.0], temperature=-1), ValueError, "temperature must be at least 0"),
        (lambda: sample([0, 1.0], temperature=np.nan), ValueError, "temperature must be"),
        (lambda: sample([0, 1.0], top_k=0), ValueError, "top_k must be at least 1, got 0"),
        (lambda: sample([0, 1.0], top_k=1.5), TypeError, "top_k must be an integer"),
        (lambda: sample([0, 1.0], top_p=0), ValueError, "top_p must be above 0, got 0"),
        (lambda: sample([0, 1.0], top_p=1.1), ValueError, r"top_p must lie in \[0, 1\], got 1.1"),
        (lambda: sample([0, 1.0], min_p=-0.1), ValueError, r"min_p must lie in \[0, 1\]"),
        (lambda: sample([0, 1.0], size=-1), ValueError, "size must be at least 0, got -1"),
        (lambda: sample([0, 1.0], size=1.5), TypeError, "size must be an integer"),
        (lambda: sample([0, 1.0], rng="a"), TypeError, "rng must be"),
        (lambda: sample_without_replacement([0, 1.0], 3), ValueError, "k must be at most"),
        (lambda: sample_without_replacement(np.ones((0, 2)), 3), ValueError, "classes, 2, got 3"),
        (lambda: sample_without_replacement([0, -INF], 2), ValueError, "draw from, 1"),
        (lambda: sample_without_replacement([0, 1.0], 0), ValueError, "k must be at least 1"),
        (lambda: beam_search(step, [[1]], beam_width=1, max_length=1), ValueError, "one sequence"),
        (lambda: beam_search(step, [0.5], beam_width=1, max_length=1), TypeError, "start must"),
        (lambda: beam_search(step, [1], beam_width=0, max_length=1), ValueError, "beam_width"),
        (lambda: beam_search(step, [1], beam_width=1, max_length=0), ValueError, "max_length"),
        (
            lambda: beam_search(step, [1], beam_width=1, max_length=1, end=4),
            ValueError,
            "end must be a token from 0 to 3, got 4",
        ),
        (
            lambda: beam_search(lambda p: [[1.0, 2.0]], [1], beam_width=1, max_length=1),
            ValueError,
            "log-probabilities, which are at most 0",
        ),
        (
            lambda: beam_search(lambda p: [0.0], [1], beam_width=1, max_length=1),
            ValueError,
            r"shape \(1, V\), got shape \(1,\)",
        ),
        (
            lambda: beam_search(step, [1], beam_width=1, max_length=1, length_penalty=np.nan),
            ValueError,
            "length_penalty must be finite",
        ),
    ],
)
def test_what_cannot_be_drawn_is_said(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ------------------------------------------------------------------ a language model


TABLE = np.log(np.random.default_rng(5).dirichlet(np.ones(6), 6))


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 0.3}, {"top_k": 2}, {"top_p": 0.5}, {"min_p": 0.6}]
)
def test_generate_draws_what_sample_draws_from_the_last_position(options):
    text = generate(TABLE.__getitem__, [3, 1], 60, rng=8, **options)
    rng, expected = np.random.default_rng(8), [3, 1]
    for _ in range(60):
        expected.append(int(sample(TABLE[expected[-1]], rng=rng, **options)))
    assert text.dtype == np.int64 and text.tolist() == expected
    plain = generate(TABLE.__getitem__, [3, 1], 60, rng=8)
    assert not options or text.tolist() != plain.tolist()  # the option has made a difference


def test_generate_takes_logits_of_all_positions_or_of_the_next():
    prompts = np.array([[0, 1], [2, 3], [4, 5]], np.uint8)
    every = generate(lambda tokens: TABLE[tokens], prompts, 9, rng=1)
    last = generate(lambda tokens: TABLE[tokens[:, -1]], prompts, 9, rng=1)
    assert every.shape == (3, 11) and np.array_equal(every, last)
    assert np.array_equal(every[:, :2], prompts)
    assert generate(TABLE.__getitem__, [4, 2], 0).tolist() == [4, 2]


def test_generate_follows_the_transition_probabilities():
    text = generate(TABLE.__getitem__, np.full((4000, 1), 2), 1, rng=0)[:, 1]
    assert np.abs(np.bincount(text, minlength=6) / 4000 - np.exp(TABLE[2])).max() < 0.03


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((TABLE.__getitem__, [], 3), ValueError, "at least one token"),
        ((TABLE.__getitem__, [0.5], 3), TypeError, "prompt"),
        ((TABLE.__getitem__, [1], -1), ValueError, "length must be at least 0, got -1"),
        ((lambda tokens: np.zeros(3), [1], 2), ValueError, "the model must return logits"),
        ((lambda tokens: np.zeros((2, 3)), [1], 2), ValueError, r"got shape \(2, 3\)"),
    ],
)
def test_generate_says_what_it_expected(arguments, error, words):
    with pytest.raises(error, match=words):
        generate(*arguments)
