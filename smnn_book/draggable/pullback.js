// The pullback of softmax in the triangle of all probabilities: a point and a gradient to drag, and
// what comes back through softmax, beside what comes back through the diagonal alone.

"use strict";

(() => {
  const {
    MIDDLE, SOFT, arrow, bars, clamp, define, fill, fixed, layouts, line, mixed, pen, rect, row,
    sum, text, triangleOf,
  } = smnnFigures;
  const MOST = 2; // of a gradient with respect to a probability, either way
  const LEAST = 0.02; // of a probability
  const SHRUNK = 0.75; // how long an arrow is in the triangle, for one unit
  const RAISED = 2; // how much higher than what comes in the bars of what comes back are drawn
  const TRUE = pen("backward", 3);
  const WRONG = pen("ink-soft", 2, "5 4");

  // A triangle, and three groups of bars: what comes in, and what comes back in two ways.
  const layoutOf = layouts(
    {
      size: [608, 290], corners: [[16, 240], [212, 240], [114, 70]], unit: 44,
      groups: [[246, 34, 132], [358, 44, 132], [498, 44, 132]],
    },
    {
      size: [340, 490], corners: [[10, 190], [190, 190], [100, 34]], unit: 40,
      groups: [[240, 38, 114], [38, 44, 360], [214, 44, 360]],
    },
  );
  const gradient = bars("dp", "Gradient dp", MOST, 0.1);
  const inner = (a, b) => sum(a.map((value, k) => value * b[k]));

  function compute({ p, dp }) {
    const mean = inner(dp, p);
    const dz = p.map((share, k) => share * (dp[k] - mean));
    const diagonal = p.map((share, k) => share * (1 - share) * dp[k]);
    const [a, b] = [Math.sqrt(inner(dz, dz)), Math.sqrt(inner(diagonal, diagonal))];
    const angle = a > 1e-9 && b > 1e-9 ? (Math.acos(clamp(inner(dz, diagonal) / (a * b), -1, 1)) * 180) / Math.PI : null;
    return { mean, dz, diagonal, angle };
  }

  // ---- the triangle: a point for shares, and a way for changes of them

  function wayOf(change, corners) {
    const middle = mixed([1 / 3, 1 / 3, 1 / 3], corners);
    return [0, 1].map((axis) => SHRUNK * sum(change.map((part, k) => part * (corners[k][axis] - middle[axis]))));
  }

  function sharesAt(x, y, corners) {
    const [[left, base], [right], [, top]] = corners;
    const third = (base - y) / (base - top);
    const second = (x - left) / (right - left) - third / 2;
    return inside([1 - second - third, second, third]);
  }

  function inside(shares) {
    const raised = shares.map((share) => Math.max(share, LEAST));
    const over = sum(raised) - 1;
    const room = sum(raised) - 3 * LEAST;
    return raised.map((share) => share - (room > 0 ? (over * (share - LEAST)) / room : over / 3));
  }

  function scene(state, wide) {
    const at = layoutOf(wide);
    return triangle(state, at) + [
      ["dp: drag it", state.dp, SOFT, 1],
      ["dz", state.dz, fill("backward"), RAISED],
      ["diagonal only", state.diagonal, SOFT, RAISED],
    ].map(([title, values, color, scale], k) => group(title, values, color, scale, at.groups[k], at)).join("");
  }

  function triangle({ p, dz, diagonal }, { corners }) {
    const here = mixed(p, corners);
    const after = (change) => wayOf(change, corners).map((part, axis) => here[axis] + part);
    return (
      triangleOf(corners) +
      arrow(here, after(diagonal), WRONG, 8) + arrow(here, after(dz), TRUE, 12)
    );
  }

  function group(title, values, color, scale, [left, pitch, zero], { unit }) {
    const each = values.map((value, k) => {
      const x = left + k * pitch;
      const height = Math.abs(value) * scale * unit;
      return (
        rect(x - 11, value < 0 ? zero : zero - height, 22, height, fill(`class-${k + 1}`)) +
        text(x, zero + MOST * unit + 24, fixed(value, scale), MIDDLE)
      );
    });
    return (
      text(left - 16, zero - MOST * unit - 14, title, color) +
      line(left - 16, zero, left + 2 * pitch + 16, zero, pen("rule-strong")) + each.join("")
    );
  }

  // ---- handles
  function barsOf({ groups: [[left, pitch, zero]], unit }) {
    return { columns: [left, left + pitch, left + 2 * pitch], zero, unit };
  }

  function handles(state, wide) {
    const at = layoutOf(wide);
    const [x, y] = mixed(state.p, at.corners);
    return [
      { name: "p", label: "Point p", range: [0, 1], value: state.p[2], words: row(state.p, 2), x, y },
      ...gradient.handles(state, barsOf(at)),
    ];
  }

  function dragged(state, name, x, y, wide) {
    const at = layoutOf(wide);
    return name === "p" ? { ...state, p: sharesAt(x, y, at.corners) } : gradient.drag(state, name, y, barsOf(at));
  }

  function nudged(state, name, dx, dy) {
    if (name !== "p") return gradient.nudge(state, name, dx, dy);
    const [right, up] = [dx, dy].map((steps) => 0.02 * clamp(steps, -50, 50));
    return { ...state, p: inside(state.p.map((share, k) => share + [-right - up / 2, right - up / 2, up][k])) };
  }

  function say({ p, dp, mean, dz, diagonal, angle }) {
    const off = angle === null ? "" : `, ${fixed(angle, 1)}° off`;
    return [
      `p = ${row(p, 3)}, dp = ${row(dp, 1)}, ⟨dp, p⟩ = ${fixed(mean, 3)}`,
      `dz: p ⊙ (dp − ⟨dp, p⟩) = ${row(dz, 3)}, sum ${fixed(sum(dz), 3)}`,
      `diagonal only: p ⊙ (1 − p) ⊙ dp = ${row(diagonal, 3)}, sum ${fixed(sum(diagonal), 3)}${off}`,
    ].join("\n");
  }

  define("pullback", {
    compute, layoutOf, scene, handles, say, drag: dragged, nudge: nudged,
    chips: () => [
      ...gradient.chips(0.5, " of dp"),
      { name: "equal", label: "dp all equal", to: { dp: [1, 1, 1] } },
      { name: "loss", label: "−log p₃", to: { p: [0.2, 0.3, 0.5], dp: [0, 0, -2] } },
    ],
  });
})();
