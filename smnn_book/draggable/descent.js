// A ball in a valley with one weight: the start is dragged, and gradient descent takes its steps
// from there with a rate that can be changed under way.

"use strict";

(() => {
  const { END, HALO, SOFT, arrow, clamp, define, dot, farther, fill, fixed, pen, plane, text, within } = smnnFigures;
  const RANGE = [-1.4, 2.6, 0.05]; // of the weight
  const [LOW, HIGH, STEP] = RANGE;
  const LAST = 20;
  const STEPS = pen("backward", 1.5);
  const lossOf = (w) => 0.05 + 1.25 * (w - 0.6) ** 2;
  const slopeOf = (w) => 2.5 * (w - 0.6);
  const planeOf = (wide) => plane([30, 28, wide ? 570 : 302, wide ? 240 : 210], [LOW, HIGH], [0, lossOf(HIGH)]);

  function compute({ start, eta, step }) {
    const path = [start];
    for (let k = 0; k < Math.round(step); k += 1) path.push(path[k] - eta * slopeOf(path[k]));
    const w = path.at(-1);
    return { path, w, loss: lossOf(w), slope: slopeOf(w), factor: 1 - 2.5 * eta, next: -eta * slopeOf(w) };
  }

  const onCurve = (w) => [w, lossOf(w)];

  function scene({ path, w, loss, next }, wide) {
    const { x, y, axes, curve, at } = planeOf(wide);
    const valley = Array.from({ length: 81 }, (_, k) => onCurve(LOW + k * STEP));
    const isLeft = path[0] < 0.6;
    const isThere = w > LOW - 1e-9 && w < HIGH + 1e-9;
    const dots = path.slice(0, -1).filter((past) => past >= LOW && past <= HIGH)
      .map((past) => dot(...at(onCurve(past)), 4, fill("backward")));
    const ahead = isThere ? arrow([x(w), y(loss)], [x(clamp(w + next, LOW, HIGH)), y(loss)], pen("backward", 3)) : "";
    return (
      text(0, 16, "loss", SOFT) + axes(wide ? [-1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5] : [-1, 0, 1, 2], [0, 1, 2, 3, 4, 5]) +
      text(x(HIGH), y(0) - 8, "weight w", `${END} ${SOFT}`) +
      curve(valley, pen("forward", 2.5)) +
      (path.length > 1 ? curve(path.map(onCurve), STEPS) : "") + dots.join("") + ahead +
      (path.length > 1 ? text(x(path[0]) + (isLeft ? 10 : -10), y(lossOf(path[0])) - 6, "start", `text-anchor="${isLeft ? "start" : "end"}" ${HALO} ${fill("backward")}`) : "")
    );
  }

  function handles({ w }, wide) {
    const value = clamp(w, LOW, HIGH);
    const [x, y] = planeOf(wide).at(onCurve(value));
    return [{ name: "ball", label: "Ball: weight w", range: RANGE, value, words: fixed(w, 3), x, y }];
  }

  // Where the ball is put down, descent begins anew.
  const from = (state, w) => ({ ...state, start: within(w, RANGE), step: 0 });
  const onward = (state) => ({ ...state, step: state.step >= LAST ? 0 : state.step + 1 });

  const say = ({ step, factor, w, loss, slope, next }) => [
    `each step: distance to the bottom × ${fixed(factor, 3)}`,
    `after ${fixed(step, 0)} ${step === 1 ? "step" : "steps"}: w = ${fixed(w, 3)}, loss ${fixed(loss, 3)}`,
    `slope ${fixed(slope, 3)}, so the next step goes by ${fixed(next, 3)}`,
  ].join("\n");

  const rate = (eta) => ({ name: `rate-${eta}`, label: `η = ${eta}`, to: { eta } });

  define("descent", {
    compute, size: (wide) => (wide ? [608, 294] : [340, 264]), scene, handles, say,
    drag: (state, name, x, y, wide) => from(state, planeOf(wide).back(x, y)[0]),
    nudge: (state, name, dx, dy) => from(state, clamp(state.w, LOW, HIGH) + farther(dx, dy) * STEP),
    sliders: [
      { name: "eta", label: "learning rate η", low: 0.01, high: 0.9, step: 0.01, digits: 2 },
      { name: "step", label: "steps", low: 0, high: LAST },
    ],
    play: { next: onward, ends: (state) => state.step === LAST, wait: 500 },
    chips: () => [{ name: "step", label: "One step", to: onward }, ...[0.1, 0.4, 0.7, 0.8, 0.85].map(rate)],
  });
})();
