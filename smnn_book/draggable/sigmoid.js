// A sigmoid with a scale and a shift, and its slope.  The middle is dragged sideways, and the
// foot, where the value is 0.1, toward the middle or away from it.

"use strict";

(() => {
  const { END, HALO, define, farther, fill, fixed, pen, plane, rect, text, within } = smnnFigures;
  const RANGES = { v: [-3, 3, 0.1], s: [0.5, 20, 0.1] };
  const CLIMB = Math.log(9); // from 0.5 to 0.9, for the scale 1
  const VALUE = pen("forward", 2.5);
  const SLOPE = pen("backward", 2, "5 3");
  const planeOf = (wide) => plane([32, 16, wide ? 568 : 300, wide ? 226 : 190], [-8, 8], [0, 1.4]);

  const compute = ({ s, v }) => ({ steepest: s / 4, climb: (2 * CLIMB) / s, weight: s, bias: -s * v });

  function scene({ s, v, steepest }, wide) {
    const shown = planeOf(wide);
    const { x, y, axes, curve } = shown;
    // close together where the curve bends, however steep it is
    const bends = Array.from({ length: 97 }, (_, k) => v + (k - 48) / 4 / s).filter((z) => Math.abs(z) < 8);
    const all = [-8, ...bends, 8].map((z) => [z, 1 / (1 + Math.exp(-s * (z - v)))]);
    const [from, to] = [x(v - CLIMB / s), x(v + CLIMB / s)];
    return (
      rect(from, y(1), to - from, y(0) - y(1), fill("panel")) +
      axes(wide ? [-8, -6, -4, -2, 0, 2, 4, 6, 8] : [-8, -4, 0, 4, 8], [0, 0.5, 1]) +
      curve(all.map(([z, h]) => [z, s * h * (1 - h)]), SLOPE) + curve(all, VALUE) +
      text(x(7.9), y(1) - 9, "value", `${END} ${HALO} ${fill("forward")}`) +
      text(x(v) + 12, y(Math.min(steepest, 1.25)) - 8, "slope", `${HALO} ${fill("backward")}`)
    );
  }

  function handles({ s, v }, wide) {
    const { x, y } = planeOf(wide);
    const of = (name, label, value, z, h) =>
      ({ name, label, range: RANGES[name], value, digits: 1, x: x(z), y: y(h) });
    return [of("v", "Shift v", v, v, 0.5), of("s", "Scale s", s, v - CLIMB / s, 0.1)];
  }

  const withPart = (state, name, value) => ({ ...state, [name]: within(value, RANGES[name]) });

  function dragged(state, name, x, y, wide) {
    const z = planeOf(wide).back(x, y)[0];
    return withPart(state, name, name === "v" ? z : CLIMB / Math.max(state.v - z, 0.01));
  }

  const say = ({ s, v, steepest, climb, weight, bias }) => [
    `σ(s(z − v)) with s = ${fixed(s, 1)}, v = ${fixed(v, 1)}`,
    `as a neuron: weight ${fixed(weight, 1)}, bias ${fixed(bias, 2)}`,
    `steepest slope ${fixed(steepest, 3)}, at z = ${fixed(v, 1)}`,
    `from 0.1 to 0.9 within ${fixed(climb, 2)}`,
  ].join("\n");

  const scaled = (name, label, s) => ({ name, label, to: { s } });

  define("sigmoid", {
    compute, size: (wide) => (wide ? [608, 268] : [340, 232]), scene, handles, say, drag: dragged,
    nudge: (state, name, dx, dy) => withPart(state, name, state[name] + farther(dx, dy) * RANGES[name][2]),
    chips: () => [scaled("gentle", "s = 0.5", 0.5), scaled("one", "s = 4, slope 1", 4), scaled("switch", "a switch: s = 20", 20)],
  });
})();
