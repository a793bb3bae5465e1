// The corridor that needs a coin: how often each step is taken until the goal, and the expected
// return over the probability of going right, along which the coin is dragged.

"use strict";

(() => {
  const {
    END, MIDDLE, SOFT, arrow, clamp, define, dot, farther, fill, fixed, layouts, line, pen, plane,
    rect, round, text, trace, within,
  } = smnnFigures;
  const RANGE = [0.04, 0.97, 0.01];
  const RATE = 0.02;
  const CELLS = 66; // the middle of their row
  const layoutOf = layouts(
    { size: [608, 424], first: 80, pitch: 150, half: 38, plot: [50, 166, 540, 206] },
    { size: [340, 424], first: 34, pitch: 88, half: 25, plot: [44, 166, 284, 206] },
  );
  const valueAt = (p) => (2 * p - 4) / (p * (1 - p));

  function compute({ p }) {
    const q = 1 - p;
    const v = [valueAt(p), valueAt(p) + 1 / p];
    v.push(q * v[1] - 1);
    // What is expected: visits to the cells, and the gradient with respect to the score of right.
    return { v, visits: [1 / p + 1 / (p * q), 1 / (p * q), 1 / p], slope: 2 - v[0] * (1 - 2 * p) };
  }

  const raise = (state) => ({ ...state, p: clamp(1 / (1 + ((1 - state.p) / state.p) * Math.exp(-RATE * state.slope)), ...RANGE) });

  // ---- the drawing
  const planeOf = (wide) => plane(layoutOf(wide).plot, [0, 1], [-105, 0]);
  const onCurve = (p) => [p, valueAt(p)];

  function scene(state, wide) {
    const at = layoutOf(wide);
    return cells(state, at) + returns(state, planeOf(wide), at.plot);
  }

  function cells({ p, visits }, { first, pitch, half, size }) {
    const x = (k) => first + k * pitch;
    const boxes = [1, 2, 3, "goal"].map((name, k) =>
      rect(x(k) - half, CELLS - 25, 2 * half, 50, `${fill("panel")} ${pen("rule-strong")}`) +
      text(x(k), CELLS + (k < 3 ? -4 : 5), name, `${MIDDLE} font-weight="bold"`) +
      (k < 3 ? text(x(k), CELLS + 16, fixed(visits[k], 1), `${MIDDLE} ${SOFT}`) : "")
    );
    const paint = (isRight, count) => pen(isRight ? "forward" : "backward", round(1 + 1.5 * Math.sqrt(count)));
    const step = (from, to, share, isRight) => {
      const count = share * visits[from];
      const side = to > from ? 1 : -1;
      const y = CELLS - 11 * side;
      return arrow([x(from) + (half + 4) * side, y], [x(to) - (half + 6) * side, y], paint(isRight, count)) +
        text((x(from) + x(to)) / 2, y + (side > 0 ? -13 : 23), fixed(count, 1), MIDDLE);
    };
    const stays = (1 - p) * visits[0];
    return (
      text(0, 12, size[0] > 400 ? "steps until the goal: blue for right, orange for left" : "blue: right, orange: left", SOFT) + boxes.join("") +
      step(0, 1, p, true) + step(1, 0, p, true) + step(1, 2, 1 - p, false) + step(2, 1, 1 - p, false) + step(2, 3, p, true) +
      `<path d="M${x(0) - 14} ${CELLS + 29}C${x(0) - 22} ${CELLS + 52} ${x(0) + 22} ${CELLS + 52} ${x(0) + 12} ${CELLS + 31}" fill="none" ${paint(false, stays)}/>` +
      arrow([x(0) + 17, CELLS + 40], [x(0) + 11, CELLS + 28], pen("backward", 2), 8) +
      text(x(0), CELLS + 64, fixed(stays, 1), MIDDLE)
    );
  }

  function returns({ presets }, { y, at, axes }, [left, top, width, height]) {
    const points = Array.from({ length: 187 }, (_, k) => at(onCurve(RANGE[0] + k / 200)));
    const marks = presets.map(({ p }) => dot(...at(onCurve(p)), 4, fill("class-1")));
    return (
      text(left, top - 12, "expected return", SOFT) + text(left + width, top + height + 36, "probability of right", `${END} ${SOFT}`) +
      [0, -50, -100].map((value) => line(left, y(value), left + width, y(value), pen("rule"))).join("") +
      axes([0, 0.5, 1], [0, -50, -100]) +
      trace(points, `fill="none" ${pen("forward", 2.5)}`) + marks.join("")
    );
  }

  // ---- the handle and words
  function handles({ p, v }, wide) {
    const [x, y] = planeOf(wide).at(onCurve(p));
    return [{ name: "p", label: "Probability of right", range: RANGE, value: p, words: `${fixed(p, 2)}, return ${fixed(v[0], 1)}`, x, y }];
  }

  const withCoin = (state, p) => ({ ...state, p: within(p, RANGE) });

  const say = ({ p, v, visits, slope }) =>
    `right with ${fixed(p, 3)}: return ${fixed(v[0], 3)}, gradient ${fixed(slope, 3)}\n` +
    `visits to the three cells: ${visits.map((count) => fixed(count, 3)).join(", ")}`;

  define("corridor", {
    compute, layoutOf, scene, handles, say,
    drag: (state, name, x, y, wide) => withCoin(state, planeOf(wide).back(x, y)[0]),
    nudge: (state, name, dx, dy) => withCoin(state, state.p + farther(dx, dy) * RANGE[2]),
    play: { next: raise, ends: ({ slope }) => Math.abs(slope) < 0.01, wait: 100 },
    chips: ({ presets }) => [
      { name: "step", label: "One step", to: raise },
      ...presets.map(({ label, p }, k) => ({ name: `p-${k}`, label, to: { p } })),
    ],
  });
})();
