// Two losses over the score of the true class, each with its tangent.  The score is dragged along
// the curve, or the probability that it gives along its bar.

"use strict";

(() => {
  const {
    HALO, MIDDLE, SOFT, clamp, define, dot, farther, fill, fixed, layouts, pen, plane, rect, round,
    text, within,
  } = smnnFigures;
  const RANGE = [-4, 6, 0.05];
  const [LOW, HIGH, STEP] = RANGE;
  const layoutOf = layouts(
    { size: [608, 364], box: [28, 28, 572, 220], bar: [0, 336, 608, 18] },
    { size: [340, 344], box: [28, 28, 304, 200], bar: [0, 316, 340, 18] },
  );
  const planeOf = (wide) => plane(layoutOf(wide).box, [LOW, HIGH], [0, 6.5]);

  const chance = (z, K) => 1 / (1 + (K - 1) * Math.exp(-z));
  // Loss and slope where the other scores are 0, and where a curve has room for its name.
  const LOSSES = {
    "cross-entropy": { color: "forward", of: (p) => [-Math.log(p), p - 1], room: -1.6 },
    "squared error": {
      color: "series-2", words: "series-2-text", room: -3.9,
      of: (p, K) => [(0.5 * K * (1 - p) ** 2) / (K - 1), (-K * p * (1 - p) ** 2) / (K - 1)],
    },
  };

  function compute({ z, K }) {
    const p = chance(z, K);
    const [[entropy, entropySlope], [squares, squaresSlope]] = Object.values(LOSSES).map((loss) => loss.of(p, K));
    return { p, entropy, entropySlope, squares, squaresSlope };
  }

  function scene(state, wide) {
    const shown = planeOf(wide);
    return text(0, 16, "loss", SOFT) + shown.axes(wide ? [-4, -2, 0, 2, 4, 6] : [-4, 0, 4], [0, 2, 4, 6]) +
      text(shown.x(1), shown.y(0) + 38, "score of the true class, the others at 0", `${MIDDLE} ${SOFT}`) +
      Object.entries(LOSSES).map(([name, loss]) => lossOf(name, loss, state, shown)).join("") + share(state, layoutOf(wide).bar);
  }

  function lossOf(name, { color, words = color, of, room }, { z, K, p }, { x, y, curve }) {
    const all = Array.from({ length: 101 }, (_, k) => LOW + k / 10).map((score) => [score, of(chance(score, K), K)[0]]);
    const [loss, slope] = of(p, K);
    const tangent = [-1.2, 1.2].map((far) => clamp(z + far, LOW, HIGH)).map((score) => [score, loss + (score - z) * slope]);
    const stroke = `${pen(color)} stroke-width=`;
    return (
      curve(all, `${stroke}"2"`) + curve(tangent, `${stroke}"6" stroke-linecap="round"`) +
      dot(x(z), y(loss), 5, fill(color)) +
      text(x(room) + 10, y(of(chance(room, K), K)[0]) - 14, name, `${HALO} ${fill(words)}`)
    );
  }

  // The true class has the probability p; the others share what is left.
  function share({ p, K }, [x, y, width, height]) {
    const each = ((1 - p) * width) / (K - 1);
    const others = Array.from({ length: K - 1 }, (_, k) =>
      rect(x + p * width + k * each, y, each, height, `${fill("panel")} ${pen("rule-strong")}`));
    return text(x, y - 14, `probability of the true class: p = ${fixed(p, 3)}`, SOFT) +
      others.join("") + rect(x, y, p * width, height, fill("class-3"));
  }

  function handles({ z, K, p, entropy }, wide) {
    const { x, y } = planeOf(wide);
    const [left, top, width, height] = layoutOf(wide).bar;
    return [
      { name: "z", label: "Score of the true class", range: RANGE, value: z, digits: 2, x: x(z), y: y(entropy) },
      {
        name: "p", label: "Probability of the true class", range: [LOW, HIGH].map((z) => round(chance(z, K))), value: p,
        digits: 3, x: left + p * width, y: top + height / 2,
      },
    ];
  }

  const scored = (state, z) => ({ ...state, z: within(z, RANGE) });

  function dragged(state, name, x, y, wide) {
    const [left, , width] = layoutOf(wide).bar;
    const p = clamp((x - left) / width, 0.001, 0.999);
    return scored(state, name === "z" ? planeOf(wide).back(x, y)[0] : Math.log((p * (state.K - 1)) / (1 - p)));
  }

  const say = ({ K, p, entropy, entropySlope, squares, squaresSlope }) => [
    `the true class gets p = ${fixed(p, 3)} of ${fixed(K, 0)} classes`,
    `cross-entropy: loss −log p = ${fixed(entropy, 3)}, slope ${fixed(entropySlope, 3)}`,
    `squared error: loss ${fixed(squares, 3)}, slope ${fixed(squaresSlope, 3)}`,
  ].join("\n");

  const at = (name, label, z) => ({ name, label, to: (state) => scored(state, z) });

  define("loss", {
    compute, layoutOf, scene, handles, say, drag: dragged,
    nudge: (state, name, dx, dy) => scored(state, state.z + farther(dx, dy) * STEP),
    sliders: [{ name: "K", label: "number of classes", low: 2, high: 10 }],
    chips: () => [at("wrong", "confident and wrong", -4), at("equal", "undecided", 0), at("right", "confident and right", 5)],
  });
})();
