// One threshold unit as a line in the square of its inputs: two points of the line to drag, and
// the four inequalities of a gate, of which a row turns green where the line fulfills it.

"use strict";

(() => {
  const {
    END, FRAME, HALO, MIDDLE, SOFT, arrow, clipped, define, dot, fill, fixed, layouts, line, pen,
    plane, rect, spot, stepped, text, trace, within,
  } = smnnFigures;
  const RANGE = [-0.5, 1.5, 0.05];
  const [LOW, HIGH] = RANGE;
  const CORNERS = [[0, 0], [0, 1], [1, 0], [1, 1]];
  const TERMS = ["b", "w₂ + b", "w₁ + b", "w₁ + w₂ + b"];
  // What a gate answers at the corners, and a line that comes nearest.
  const GATES = {
    AND: { wants: [0, 0, 0, 1], ends: [[1.25, 0.25], [0.25, 1.25]] },
    OR: { wants: [0, 1, 1, 1], ends: [[0.75, -0.25], [-0.25, 0.75]] },
    NAND: { wants: [1, 1, 1, 0], ends: [[0.25, 1.25], [1.25, 0.25]] },
    XOR: { wants: [0, 1, 1, 0], ends: [[0.75, -0.25], [-0.25, 0.75]] },
  };

  const layoutOf = layouts(
    { size: [608, 320], square: [8, 24, 284, 284], table: [318, 46], width: 290 },
    { size: [340, 540], square: [20, 24, 300, 300], table: [10, 374], width: 320 },
  );
  const ROW = 38;

  // The side that is on is to the right of the way from the first point to the second.
  function compute({ ends: [[x1, y1], [x2, y2]], gate }) {
    const normal = [y2 - y1, x1 - x2];
    const size = Math.max(...normal.map(Math.abs));
    const w = normal.map((part) => part / size);
    const b = -(w[0] * x1 + w[1] * y1);
    // a corner on the line is on, whatever the last digit says
    const z = CORNERS.map(([x, y]) => Math.round((w[0] * x + w[1] * y + b) * 1e9) / 1e9);
    const fulfilled = z.map((sum, k) => (sum >= 0 ? 1 : 0) === GATES[gate].wants[k]);
    return { w, b, z, fulfilled, right: fulfilled.filter(Boolean).length };
  }

  const planeOf = (at) => plane(at.square, RANGE, RANGE);

  function scene(state, wide) {
    const at = layoutOf(wide);
    return square(state, at) + table(state, at);
  }

  function square({ ends, w, b, gate, z }, layout) {
    const at = layout.square;
    const [left, top, side] = at;
    const place = planeOf(layout).at;
    const on = clipped([[LOW, LOW], [HIGH, LOW], [HIGH, HIGH], [LOW, HIGH]], ([x, y]) => w[0] * x + w[1] * y + b);
    const region = on.length ? trace(on.map(place), fill("class-2", 0.25), "Z") : "";
    const [a, c] = ends.map(place);
    const long = Math.hypot(c[0] - a[0], c[1] - a[1]);
    const way = [(c[0] - a[0]) / long, (c[1] - a[1]) / long];
    const far = (sign) => clippedEnd(a, way.map((part) => sign * part), at);
    const middle = [(a[0] + c[0]) / 2, (a[1] + c[1]) / 2];
    const size = Math.hypot(...w);
    const tip = [middle[0] + (34 * w[0]) / size, middle[1] - (34 * w[1]) / size];
    const corners = CORNERS.map((corner, k) => {
      const [x, y] = place(corner);
      const wants = GATES[gate].wants[k];
      return (
        dot(x, y, 9, `${pen(`class-${wants ? 2 : 1}`, 3)} ${fill(wants ? "class-2" : "paper")}`) +
        text(x, y + 25, fixed(z[k], 2), `${MIDDLE} ${HALO}`)
      );
    });
    return (
      text(left, top - 9, "x₂ upward, x₁ to the right", SOFT) +
      region + rect(left, top, side, side, FRAME) +
      line(...far(-1), ...far(1), pen("forward", 3)) +
      arrow(middle, tip, pen("forward", 2)) + corners.join("")
    );
  }

  // Where a ray from inside leaves the square.
  function clippedEnd([x, y], [dx, dy], [left, top, side]) {
    const until = (from, way, low) => (way > 0 ? (low + side - from) / way : way < 0 ? (low - from) / way : Infinity);
    const far = Math.max(0, Math.min(until(x, dx, left), until(y, dy, top)));
    return [x + far * dx, y + far * dy];
  }

  function table({ gate, z, fulfilled, right }, { table: [x, y], width }) {
    const rows = CORNERS.map(([a, b], k) => {
      const top = y + k * ROW;
      const [color, weight] = fulfilled[k] ? ["good", 'font-weight="600"'] : ["backward", ""];
      return (
        rect(x, top, width, ROW - 5, `rx="5" ${fill(color, fulfilled[k] ? 0.16 : 0.05)}`) +
        text(x + 10, top + 21, `(${a}, ${b})`, SOFT) +
        text(x + 66, top + 21, `${TERMS[k]} = ${fixed(z[k], 2)}`) +
        text(x + width - 34, top + 21, GATES[gate].wants[k] ? "≥ 0" : "< 0", END) +
        text(x + width - 12, top + 21, fulfilled[k] ? "✓" : "✗", `${END} ${weight} ${fill(color)}`)
      );
    });
    return (
      text(x, y - 14, `${gate} wants`, SOFT) +
      text(x + width, y - 14, `${right} of 4`, `${END} font-weight="600" ${fill(right === 4 ? "good" : "ink")}`) +
      rows.join("")
    );
  }

  // ---- handles and words
  const handles = ({ ends }, wide) => ends.map((end, k) =>
    spot(`end${k + 1}`, `Point ${k + 1} of the line`, end, planeOf(layoutOf(wide)), RANGE)
  );

  // The two points must not meet, or there is no line.
  function withEnd(state, name, point) {
    const k = name.slice(3) - 1;
    const moved = within(point, RANGE);
    const other = state.ends[1 - k];
    if (Math.hypot(moved[0] - other[0], moved[1] - other[1]) < 0.2) return state;
    return { ...state, ends: state.ends.with(k, moved) };
  }

  function say({ w, b, z, gate, right }) {
    const values = CORNERS.map((corner, k) => `${fixed(z[k], 2)} at (${corner.join(", ")})`);
    return (
      `w₁ = ${fixed(w[0], 2)}, w₂ = ${fixed(w[1], 2)}, b = ${fixed(b, 2)}\nz = ${values.join(", ")}\n` +
      `${gate}: ${right} of 4 rows are right`
    );
  }

  define("one-line", {
    compute, layoutOf, scene, handles, say,
    drag: (state, name, x, y, wide) => withEnd(state, name, planeOf(layoutOf(wide)).back(x, y)),
    nudge: (state, name, dx, dy) => withEnd(state, name, stepped(state.ends[name.slice(3) - 1], dx, dy, RANGE)),
    chips: () => [
      ...Object.keys(GATES).map((gate) => ({ name: gate, label: gate, to: { gate } })),
      { name: "flip", label: "Swap the sides", to: (state) => ({ ...state, ends: state.ends.toReversed() }) },
      { name: "show", label: "Show a line", to: (state) => ({ ...state, ends: GATES[state.gate].ends }) },
    ],
  });
})();
