// The regions of a gate over three experts, each of which has a place in the plane to drag, and
// beside it how many rows go to each, what the gate believes, and the loss for balance.

"use strict";

(() => {
  const {
    FRAME, HALO, SIGNS, SOFT, clamp, define, dot, fill, fixed, layouts, line, onGrid, pen, rect,
    round, softmax, sum, text,
  } = smnnFigures;
  const [MOST, STEP, RATE, STEPS] = [0.95, 0.05, 0.5, 80];
  const layoutOf = layouts(
    { size: [608, 316], plane: [2, 24, 288], right: [330, 24, 278] },
    { size: [340, 572], plane: [20, 20, 300], right: [0, 350, 340] },
  );

  const scoreOf = ({ c, b, s }, [x, y], e) => s * (c[e][0] * x + c[e][1] * y - (c[e][0] ** 2 + c[e][1] ** 2) / 2) + b[e];

  function compute(state) {
    const { x } = state;
    const g = x.map((point) => softmax(state.c.map((_, e) => scoreOf(state, point, e))));
    const chosen = g.map((row) => row.indexOf(Math.max(...row)));
    const f = [0, 1, 2].map((e) => chosen.filter((one) => one === e).length / x.length);
    const P = f.map((_, e) => sum(g.map((row) => row[e])) / x.length);
    // The pullback of softmax for each row, and their sum: f is a constant.
    const db = f.map((share, e) => (3 * sum(g.map((row) => row[e] * (share - sum(row.map((part, j) => part * f[j])))))) / x.length);
    return { g, chosen, f, P, db, L: 3 * sum(f.map((share, e) => share * P[e])) };
  }

  const lower = (state) => ({ ...state, step: state.step + 1, b: state.b.map((bias, e) => bias - RATE * state.db[e]) });

  // ---- the drawing
  const placeIn = ([left, top, side], [x, y]) => [left + ((x + 1) / 2) * side, top + ((1 - y) / 2) * side];

  function scene(state, wide) {
    const at = layoutOf(wide);
    return plane(state, at.plane) + shares(state, at.right);
  }

  // What is left of the square after a cut along each line where another expert counts the same.
  function region(state, e) {
    let corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
    for (const other of [0, 1, 2]) {
      if (other === e) continue;
      const lead = (point) => scoreOf(state, point, e) - scoreOf(state, point, other);
      corners = corners.flatMap((from, k) => {
        const to = corners[(k + 1) % corners.length];
        const [a, b] = [lead(from), lead(to)];
        const cut = a * b < 0 ? [from.map((part, axis) => part + ((to[axis] - part) * a) / (a - b))] : [];
        return a >= 0 ? [from, ...cut] : cut;
      });
    }
    return corners;
  }

  function plane(state, at) {
    const regions = [0, 1, 2].map((e) => {
      const corners = region(state, e).map((corner) => placeIn(at, corner).map(round).join(" "));
      return corners.length ? `<path d="M${corners.join("L")}Z" ${fill(`class-${e + 1}`, 0.16)} ${pen("ink", null, "5 4")}/>` : "";
    });
    const dots = state.x.map((point, n) => {
      const [x, y] = placeIn(at, point);
      const e = state.chosen[n];
      return dot(x, y, 4, `${fill(`class-${e + 1}`, round(state.g[n][e] ** 2))} ${pen(`class-${e + 1}-text`)}`);
    });
    const names = state.c.map((center, e) => {
      const [x, y] = placeIn(at, center);
      return text(x + 12, y + 4, e + 1, `${HALO} font-weight="bold" ${fill(`class-${e + 1}-text`)}`);
    });
    return regions.join("") + dots.join("") + names.join("") + rect(...at, at[2], FRAME);
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
  function handles({ c }, wide) {
    return c.map((center, e) => {
      const [x, y] = placeIn(layoutOf(wide).plane, center);
      return {
        name: `c${e}`, label: `Expert ${e + 1}`, along: "x", low: -MOST, high: MOST, value: center[0],
        words: `x₁ = ${fixed(center[0], 2)}, x₂ = ${fixed(center[1], 2)}`, x, y,
      };
    });
  }

  const moved = (state, name, place) =>
    ({ ...state, c: state.c.map((center, e) => (name === `c${e}` ? place.map((part) => clamp(onGrid(part, STEP), -MOST, MOST)) : center)) });

  function dragged(state, name, x, y, wide) {
    const [left, top, side] = layoutOf(wide).plane;
    return moved(state, name, [(2 * (x - left)) / side - 1, 1 - (2 * (y - top)) / side]);
  }

  const say = ({ f, P, L, step }) => {
    const listed = (values) => values.map((value) => fixed(value, 2)).join(", ");
    return `shares of the rows ${listed(f)}; mean probabilities ${listed(P)}\n` +
      `loss for balance ${fixed(L, 3)} after ${step} steps`;
  };

  define("gate", {
    compute, layoutOf, scene, handles, say, drag: dragged,
    nudge: (state, name, dx, dy) => moved(state, name, [state.c[name[1]][0] + dx * STEP, state.c[name[1]][1] + dy * STEP]),
    play: { next: lower, ends: ({ step }) => step % STEPS === 0, wait: 60 },
    sliders: [{ name: "s", label: "how sure the gate is", low: 1, high: 20, step: 1 }],
    chips: ({ presets }) => [
      { name: "step", label: "One step", to: lower },
      ...presets.map(({ label, c, s }, k) => ({ name: `at-${k}`, label, to: { c, s, b: [0, 0, 0], step: 0 } })),
    ],
  });
})();
