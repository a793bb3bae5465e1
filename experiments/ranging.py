"""Find the range of a source in a waveguide: networks, and fields that are matched.

    python -m experiments.ranging

Every run draws 3,000 sources to learn from and 1,000 for the test, at random ranges, in six
combinations of noise and number of snapshots, and five seeds of each set data, weights and order.
Softmax regression, a network with 128 hidden units and the same network with one linear output
for the range get the same examples and 30 epochs; the rate of each is the best of three on 500
further sources, in one combination.  In that combination there are controls: the pressure itself
in place of its covariance, examples of a guide that is a meter too deep, and examples of 150
guides whose depth and bottom are drawn at random.

The result is kept in ``smnn_book/data/ranging.json``: for every method and seed the share of exact
cells, the mean relative error, both in percent, and the median error in meters.
"""

import numpy as np

import smnn
from smnn_book.waveguide import (
    CENTERS,
    HYDROPHONES,
    Waveguide,
    as_vectors,
    cell_of,
    draw,
    replicas,
    sample_covariance,
)

from . import keep

EXAMPLES, VALIDATION, TEST, EPOCHS, BATCH, SEEDS, GUIDES = 3000, 500, 1000, 30, 100, 5, 150
RATES = [0.001, 0.003, 0.01]
NOISES, SNAPSHOTS = (-5, 0, 5), (1, 10)
MIDDLE = (0, 10)
HIDDEN = {"softmax regression": [], "network": [128], "regression": [128]}
TRUE, DEEPER = Waveguide(), Waveguide(depth=151.0)


def measures(ranges, found):
    """Return the exact cells and the mean relative error in percent, and the median error."""
    error = np.abs(found - ranges)
    exact = np.mean(cell_of(found) == cell_of(ranges))
    return [
        round(100 * exact, 2),
        round(100 * np.mean(error / ranges), 2),
        round(np.median(error), 1),
    ]


def covariances(p):
    return as_vectors(sample_covariance(p))


def pressures(p):
    """Return the normalized pressure as real numbers, its phase included."""
    p = (p / np.linalg.norm(p, axis=-1, keepdims=True)).reshape(len(p), -1)
    return np.concatenate([p.real, p.imag], axis=1)


def learn(method, rate, x, ranges, epochs, seed):
    """Return a function from inputs to ranges that has learned from examples."""
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-12
    middle, half = ranges.mean(), ranges.std()
    is_number = method == "regression"
    layers = [smnn.Dense(units, "tanh") for units in HIDDEN[method]]
    model = smnn.Sequential(
        [*layers, smnn.Dense(1 if is_number else len(CENTERS))], dtype="float32", rng=seed
    )
    target = (ranges[:, None] - middle) / half if is_number else cell_of(ranges)
    smnn.fit(
        model, (x - mean) / deviation, target, loss="mse" if is_number else "cross_entropy",
        optimizer=smnn.Adam(rate), epochs=epochs, batch_size=BATCH, rng=seed, progress=False,
    )  # fmt: skip

    def answer(x):
        z = model.predict((x - mean) / deviation)
        return middle + half * z[:, 0].astype(float) if is_number else CENTERS[z.argmax(axis=1)]

    return answer


def matched(guides, x, noise, number):
    """Return the ranges whose fields, summed over guides, match the covariances best."""
    power = len(HYDROPHONES) * 10 ** (noise / 10)
    temperature = number * (len(HYDROPHONES) + power) * power / (1 + power)
    scores = []
    for guide in guides:
        d = replicas(guide)
        scores.append(x @ as_vectors(d[:, :, None] * d.conj()[:, None]).T)
    if len(scores) == 1:
        return CENTERS[scores[0].argmax(axis=1)]
    return CENTERS[smnn.logsumexp(temperature * np.array(scores), axis=0).argmax(axis=1)]


def random_guides(number, rng):
    return [
        Waveguide(depth=d, bottom_speed=c)
        for d, c in zip(rng.uniform(147, 153, number), rng.uniform(1550, 1650, number), strict=True)
    ]


def examples(guides, n, number, noise, rng):
    """Return snapshots and ranges of n sources, as many in each guide."""
    drawn = [draw(guide, n // len(guides), number, noise, rng) for guide in guides]
    return tuple(np.concatenate(part) for part in zip(*drawn, strict=True))


def measure(*, quick=False):
    """Return the three measures of every method, by noise and snapshots; ``quick``: small ones."""
    n, n_test, epochs, seeds, guides = (
        (60, 20, 1, 1, 3) if quick else (EXAMPLES, TEST, EPOCHS, SEEDS, GUIDES)
    )
    rates = RATES[:1] if quick else RATES
    rng = np.random.default_rng(100)
    p, r = draw(TRUE, n, MIDDLE[1], MIDDLE[0], rng)
    p_held, r_held = draw(TRUE, VALIDATION, MIDDLE[1], MIDDLE[0], rng)
    rate, tried = {}, {}
    for method in HIDDEN:
        answers = [learn(method, one, covariances(p), r, epochs, 100) for one in rates]
        tried[method] = [measures(r_held, answer(covariances(p_held)))[1] for answer in answers]
        rate[method] = rates[int(np.argmin(tried[method]))]
    results, controls = {}, {}
    for noise in NOISES:
        for number in SNAPSHOTS:
            of_methods = {name: [] for name in (*HIDDEN, "matched field", "wrong matched field")}
            for seed in range(seeds):
                rng = np.random.default_rng(seed)
                p, r = draw(TRUE, n, number, noise, rng)
                p_test, r_test = draw(TRUE, n_test, number, noise, rng)
                x, x_test = covariances(p), covariances(p_test)
                for method in HIDDEN:
                    answer = learn(method, rate[method], x, r, epochs, seed)
                    of_methods[method].append(measures(r_test, answer(x_test)))
                for name, guide in (("matched field", TRUE), ("wrong matched field", DEEPER)):
                    found = matched([guide], x_test, noise, number)
                    of_methods[name].append(measures(r_test, found))
                if (noise, number) != MIDDLE:
                    continue
                known = random_guides(guides, rng)
                training = {
                    "network on pressure": (p, r, pressures),
                    "network, guide 1 m deeper": (
                        *draw(DEEPER, n, number, noise, rng),
                        covariances,
                    ),
                    "network, many guides": (*examples(known, n, number, noise, rng), covariances),
                }
                for name, (seen, ranges, inputs) in training.items():
                    answer = learn("network", rate["network"], inputs(seen), ranges, epochs, seed)
                    found = measures(r_test, answer(inputs(p_test)))
                    controls.setdefault(name, []).append(found)
                found = measures(r_test, matched(known, x_test, noise, number))
                controls.setdefault("matched field, many guides", []).append(found)
            results[f"{noise} dB, {number}"] = of_methods
    return {"rates": rates, "tried": tried, "results": results, "controls": controls}


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
