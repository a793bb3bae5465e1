// The regions of a gate over three experts, each of which has a place in the plane to drag, and
// beside it how many rows go to each, what the gate believes, and the loss for balance.

"use strict";

(() => {
  const {
    FRAME, HALO, SIGNS, SOFT, clipped, define, dot, fill, fixed, largest, layouts, line, pen,
    plane, rect, round, softmax, spot, stepped, sum, text, trace, within,
  } = smnnFigures;
  const RANGE = [-0.95, 0.95, 0.05];
  const [RATE, STEPS] = [0.5, 80];
  const layoutOf = layouts(
    { size: [608, 316], plane: [2, 24, 288, 288], right: [330, 24, 278] },
    { size: [340, 572], plane: [20, 20, 300, 300], right: [0, 350, 340] },
  );

  const scoreOf = ({ c, b, s }, [x, y], e) => s * (c[e][0] * x + c[e][1] * y - (c[e][0] ** 2 + c[e][1] ** 2) / 2) + b[e];

  function compute(state) {
    const { x } = state;
    const g = x.map((point) => softmax(state.c.map((_, e) => scoreOf(state, point, e))));
    const chosen = g.map(largest);
    const f = [0, 1, 2].map((e) => chosen.filter((one) => one === e).length / x.length);
    const P = f.map((_, e) => sum(g.map((row) => row[e])) / x.length);
    // The pullback of softmax for each row, and their sum: f is a constant.
    const db = f.map((share, e) => (3 * sum(g.map((row) => row[e] * (share - sum(row.map((part, j) => part * f[j])))))) / x.length);
    return { g, chosen, f, P, db, L: 3 * sum(f.map((share, e) => share * P[e])) };
  }

  const lower = (state) => ({ ...state, step: state.step + 1, b: state.b.map((bias, e) => bias - RATE * state.db[e]) });

  // ---- the drawing
  const planeOf = (wide) => plane(layoutOf(wide).plane, [-1, 1], [-1, 1]);

  function scene(state, wide) {
    const at = layoutOf(wide);
    return rows(state, planeOf(wide).at) + rect(...at.plane, FRAME) + shares(state, at.right);
  }

  // What is left of the square after a cut along each line where another expert counts the same.
  function region(state, e) {
    let corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
    for (const other of [0, 1, 2]) {
      if (other === e) continue;
      corners = clipped(corners, (point) => scoreOf(state, point, e) - scoreOf(state, point, other));
    }
    return corners;
  }

  function rows(state, at) {
    const regions = [0, 1, 2].map((e) => {
      const corners = region(state, e).map((corner) => at(corner));
      return corners.length ? trace(corners, `${fill(`class-${e + 1}`, 0.16)} ${pen("ink", null, "5 4")}`, "Z") : "";
    });
    const dots = state.x.map((point, n) => {
      const [x, y] = at(point);
      const e = state.chosen[n];
      return dot(x, y, 4, `${fill(`class-${e + 1}`, round(state.g[n][e] ** 2))} ${pen(`class-${e + 1}-text`)}`);
    });
    const names = state.c.map((center, e) => {
      const [x, y] = at(center);
      return text(x + 12, y + 4, e + 1, `${HALO} font-weight="bold" ${fill(`class-${e + 1}-text`)}`);
    });
    return regions.join("") + dots.join("") + names.join("");
  }

  function shares({ f, P, L }, [left, top, width]) {
    const unit = width - 90;
    const bar = (y, high, share, paint) => rect(left + 30, y, share * unit, high, paint);
    const rows = f.map((share, e) => {
      const y = top + 22 + 46 * e;
      return text(left, y + 20, e + 1, `font-weight="bold" ${fill(`class-${e + 1}-text`)}`) +
        bar(y, 16, share, fill(`class-${e + 1}`)) + bar(y + 18, 10, P[e], fill(`class-${e + 1}`, 0.4)) +
        text(left + 36 + share * unit, y + 13, `f${SIGNS[e]} = ${fixed(share, 2)}`, HALO) +
        text(left + 36 + P[e] * unit, y + 28, `P${SIGNS[e]} = ${fixed(P[e], 2)}`, `${HALO} ${SOFT}`);
    });
    const y = top + 186;
    const third = left + 30 + unit / 3;
    const one = left + 30 + unit / 2;
    return text(left, top + 6, "share of the rows, and mean probability", SOFT) +
      line(third, top + 16, third, top + 158, pen("ink", null, "2 3")) + rows.join("") +
      text(left, y, "loss for balance, and 1", SOFT) +
      rect(left + 30, y + 12, Math.min(L / 2, 1.2) * unit, 16, fill("backward")) +
      line(one, y + 8, one, y + 32, pen("ink", 2)) +
      text(left + 36 + Math.min(L / 2, 1.2) * unit, y + 25, fixed(L, 3));
  }

  // ---- handles and words
  const handles = ({ c }, wide) => c.map((center, e) => spot(`c${e}`, `Expert ${e + 1}`, center, planeOf(wide), RANGE));

  const moved = (state, name, place) =>
    ({ ...state, c: state.c.with(name[1], within(place, RANGE)) });

  const say = ({ f, P, L, step }) => {
    const listed = (values) => values.map((value) => fixed(value, 2)).join(", ");
    return `shares of the rows ${listed(f)}; mean probabilities ${listed(P)}\n` +
      `loss for balance ${fixed(L, 3)} after ${step} steps`;
  };

  define("gate", {
    compute, layoutOf, scene, handles, say,
    drag: (state, name, x, y, wide) => moved(state, name, planeOf(wide).back(x, y)),
    nudge: (state, name, dx, dy) => moved(state, name, stepped(state.c[name[1]], dx, dy, RANGE)),
    play: { next: lower, ends: ({ step }) => step % STEPS === 0, wait: 60 },
    sliders: [{ name: "s", label: "how sure the gate is", low: 1, high: 20 }],
    chips: ({ presets }) => [
      { name: "step", label: "One step", to: lower },
      ...presets.map(({ label, c, s }, k) => ({ name: `at-${k}`, label, to: { c, s, b: [0, 0, 0], step: 0 } })),
    ],
  });
})();
