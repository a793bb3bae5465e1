// The Jacobian of softmax as a square of numbers: a row for each probability, a column for each
// of three scores to drag.

"use strict";

(() => {
  const { END, MIDDLE, SIGNS, SOFT, define, fill, fixed, layouts, pen, rect, row, scores, softmax, text } = smnnFigures;
  const layoutOf = layouts(
    {
      size: [608, 272], columns: [30, 84, 138], zero: 122, unit: 23, width: 32, floor: 214,
      square: [290, 52, 102, 60],
    },
    {
      size: [340, 482], columns: [114, 170, 226], zero: 114, unit: 20, width: 32, floor: 194,
      square: [90, 294, 80, 60],
    },
  );

  function compute({ z }) {
    const p = softmax(z);
    return { p, jacobian: p.map((share, i) => p.map((other, j) => share * ((i === j) - other))) };
  }

  function scene(state, wide) {
    const at = layoutOf(wide);
    const [left, top, width, height] = at.square;
    const heads = SIGNS.map((sign, k) =>
      text(left + (k + 0.5) * width, top - 10, `z${sign}`, `${MIDDLE} ${fill(`class-${k + 1}-text`)}`) +
      text(left - 8, top + (k + 0.5) * height + 5, `p${sign} = ${fixed(state.p[k], 3)}`, `${END} ${fill(`class-${k + 1}-text`)}`)
    );
    const cells = state.jacobian.flatMap((slopes, i) => slopes.map((slope, j) => cell(slope, left + j * width, top + i * height, width, height)));
    return scores.draw(state, at) + text(left, top - 36, "slope with respect to", SOFT) + heads.join("") + cells.join("") +
      bracket(left - 2, top, 3 * height, 8) + bracket(left + 3 * width + 2, top, 3 * height, -8);
  }

  // No slope is larger than a quarter.
  const cell = (slope, x, y, width, height) =>
    rect(x + 1, y + 1, width - 2, height - 2, fill(slope < 0 ? "backward" : "forward", (0.04 + 1.84 * Math.abs(slope)).toFixed(3))) +
    text(x + width / 2, y + height / 2 + 5, fixed(slope, 3), `${MIDDLE} font-size="15"`);

  const bracket = (x, y, height, way) =>
    `<path d="M${x + way} ${y - 2}h${-way}v${height + 4}h${way}" fill="none" ${pen("ink-soft", 1.5)}/>`;

  const say = ({ z, p, jacobian }) =>
    [`z = ${row(z, 1)}`, `p = ${row(p, 3)}`, ...jacobian.map((slopes, i) => `∂p${SIGNS[i]}/∂z = ${row(slopes, 3)}`)].join("\n");

  define("jacobian", {
    compute, layoutOf, scene, say,
    handles: (state, wide) => scores.handles(state, layoutOf(wide)),
    drag: (state, name, x, y, wide) => scores.drag(state, name, y, layoutOf(wide)),
    nudge: scores.nudge,
    chips: () => [
      { name: "equal", label: "all equal", to: { z: [0, 0, 0] } },
      { name: "ahead", label: "z₃ far ahead", to: { z: [-2, -1, 4] } },
      ...scores.chips(1, ""),
    ],
  });
})();
