"""The grammar means what it says, and the recursive network has the gradient of its loss."""

import numpy as np
import pytest

import smnn
from smnn_book.phrases import (
    CLASSES,
    WORDS,
    RecursiveNetwork,
    forest,
    label,
    pairs,
    parts,
    random_phrase,
    tokens,
    words,
)


@pytest.mark.parametrize(
    ("phrase", "text", "meaning"),
    [
        ("warm", "warm", "positive"),
        ("not", "not", "neutral"),
        (("not", "good"), "not good", "negative"),
        (("not", ("not", "grim")), "not ( not grim )", "negative"),
        (("really", "dull"), "really dull", "negative"),
        (("fine", ("but", "cold")), "fine but cold", "negative"),
        (("fine", ("though", "cold")), "fine though cold", "positive"),
        (("not", ("fine", ("but", "cold"))), "not ( fine but cold )", "positive"),
        ((("not", "fine"), ("but", "warm")), "( not fine ) but warm", "positive"),
        (("though", "warm"), "though warm", "neutral"),
        (("but", "warm"), "but warm", "positive"),
    ],
)
def test_a_phrase_means_what_the_grammar_says(phrase, text, meaning):
    assert " ".join(tokens(phrase)) == text
    assert CLASSES[label(phrase)] == meaning


def test_random_phrases_have_their_depth_and_all_kinds_occur():
    rng = np.random.default_rng(0)

    def depth(phrase):
        if isinstance(phrase, str):
            return 0
        left, right = phrase
        if right[0] in ("but", "though"):
            return 1 + max(depth(left), depth(right[1]))
        return 1 + depth(right)

    found = [random_phrase(3, rng) for _ in range(300)]
    assert {depth(phrase) for phrase in found} == {3}
    assert {word for phrase in found for word in words(phrase)} == set(WORDS)
    assert 0.4 < np.mean([label(phrase) == 2 for phrase in found]) < 0.6


def test_twins_have_the_same_words_and_opposite_labels():
    seen = [random_phrase(2, np.random.default_rng(1)) for _ in range(50)]
    found = pairs(200, 4, np.random.default_rng(2), without=seen)
    assert len(set(found)) == 400
    assert not set(found) & set(seen)
    for one, other in zip(found[::2], found[1::2], strict=True):
        assert sorted(words(one)) == sorted(words(other))
        assert sorted(tokens(one)) == sorted(tokens(other))
        assert {label(one), label(other)} == {0, 2}


def test_the_network_is_the_recursion():
    rng = np.random.default_rng(3)
    phrases = [random_phrase(int(d), rng) for d in rng.integers(5, size=8)]
    network = RecursiveNetwork(5, rng=0)
    E, W, b, V, c = network.params.values()

    def vector(phrase):
        if isinstance(phrase, str):
            return E[WORDS.index(phrase)]
        return np.tanh(np.concatenate([vector(phrase[0]), vector(phrase[1])]) @ W + b)

    trees = forest(phrases)
    z, _ = network.forward(trees)
    expected = np.array([vector(phrase) @ V + c for phrase in phrases])
    np.testing.assert_allclose(z[trees.roots], expected, atol=1e-12)
    np.testing.assert_array_equal(trees.label[trees.roots], [label(p) for p in phrases])
    assert len(trees.word) == sum(len(parts(phrase)) for phrase in phrases)


@pytest.mark.parametrize("name", ["E", "W", "b", "V", "c"])
def test_gradients(name):
    rng = np.random.default_rng(4)
    network = RecursiveNetwork(3, rng=1)
    trees = forest([random_phrase(3, rng), random_phrase(1, rng), "dull"])
    z, backward = network.forward(trees)
    dz = rng.normal(size=z.shape)

    def value(p):
        network.params[name] = p
        return (network.forward(trees)[0] * dz).sum()

    params = network.params[name].copy()
    numerical = smnn.numerical_jacobian(value, params).reshape(params.shape)
    np.testing.assert_allclose(backward(dz)[name], numerical, atol=1e-7)
