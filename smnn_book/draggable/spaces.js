// Two spaces of a network that is trained in the page: the points where they are, with a line
// for each of two hidden units, and the same points as the hidden layer hands them on.  Start,
// batches and steps are the package's.

"use strict";

(() => {
  const {
    END, FRAME, HALO, MIDDLE, SOFT, adamStep, clamp, crossing, define, dot, fill, fixed, layouts,
    line, pen, plane, points, rect, round, row, spot, stepped, text, trace, within,
  } = smnnFigures;
  const RANGE = [-0.6, 1.6, 0.05]; // of both inputs
  const [LOW, HIGH] = RANGE;
  const HIDDEN = [-1.15, 1.15];
  const CELLS = 22; // of the background, each way
  const UNITS = [0, 1];

  const layoutOf = layouts(
    { size: [608, 412], side: 286, inputs: [6, 24], hidden: [316, 24], loss: [6, 348, 596, 44], radius: 4.5 },
    { size: [340, 672], side: 264, inputs: [38, 24], hidden: [38, 326], loss: [2, 624, 336, 44], radius: 4 },
  );

  // ---- the network: two inputs, two tanh units, two classes
  function answer({ W1, b1, W2, b2 }, x) {
    const h = UNITS.map((j) => Math.tanh(x[0] * W1[0][j] + x[1] * W1[1][j] + b1[j]));
    const z = UNITS.map((k) => h[0] * W2[0][k] + h[1] * W2[1][k] + b2[k]);
    const gap = z[0] - z[1];
    const p = [1 / (1 + Math.exp(-gap)), 1 / (1 + Math.exp(gap))];
    return { h, p };
  }

  const lossOf = (params, x, y) => x.reduce((sum, point, n) => sum - Math.log(answer(params, point).p[y[n]]), 0) / y.length;

  function gradients(params, x, y) {
    const zero = () => [[0, 0], [0, 0]];
    const grads = { W1: zero(), b1: [0, 0], W2: zero(), b2: [0, 0] };
    x.forEach((point, n) => {
      const { h, p } = answer(params, point);
      const dz = p.map((share, k) => (share - (k === y[n] ? 1 : 0)) / y.length);
      for (const j of UNITS) {
        const da = (dz[0] * params.W2[j][0] + dz[1] * params.W2[j][1]) * (1 - h[j] ** 2);
        for (const k of UNITS) {
          grads.W2[j][k] += h[j] * dz[k];
          grads.W1[k][j] += point[k] * da;
        }
        grads.b1[j] += da;
        grads.b2[j] += dz[j];
      }
    });
    return grads;
  }

  // One step of Adam for a number or for any nest of them.
  function adam(value, grad, mean, square, t, rate) {
    if (!Array.isArray(value)) return adamStep(value, grad, mean, square, t, rate);
    const parts = value.map((part, k) => adam(part, grad[k], mean[k], square[k], t, rate));
    return [0, 1, 2].map((which) => parts.map((part) => part[which]));
  }

  // All steps of a start that were taken so far: going back is looking up.
  const taken = new Map();

  function trained(state) {
    const { x, y, batches, rate, starts, start, step } = state;
    const zeros = (value) => (Array.isArray(value) ? value.map(zeros) : 0);
    const nothing = (params) => Object.fromEntries(Object.entries(params).map(([name, value]) => [name, zeros(value)]));
    if (!taken.has(start)) {
      const params = starts[start].params;
      taken.set(start, [{ params, mean: nothing(params), square: nothing(params), loss: lossOf(params, x, y) }]);
    }
    const steps = taken.get(start);
    while (steps.length <= step) {
      const before = steps.at(-1);
      const batch = batches[(steps.length - 1) % batches.length];
      const grads = gradients(before.params, batch.map((n) => x[n]), batch.map((n) => y[n]));
      const after = { params: {}, mean: {}, square: {} };
      for (const name of Object.keys(grads)) {
        const parts = ["params", "mean", "square"];
        const moved = adam(before.params[name], grads[name], before.mean[name], before.square[name], steps.length, rate);
        parts.forEach((part, k) => { after[part][name] = moved[k]; });
      }
      steps.push({ ...after, loss: lossOf(after.params, x, y) });
    }
    return steps;
  }

  function compute(state) {
    const steps = trained(state);
    const { params, loss } = steps[state.step];
    const answers = state.x.map((point) => answer(params, point));
    const right = answers.filter(({ p }, n) => p[state.y[n]] > 0.5).length;
    return {
      params, loss, right, hidden: answers.map(({ h }) => h), seen: answer(params, state.probe),
      losses: steps.slice(0, state.step + 1).map((one) => one.loss),
    };
  }

  // ---- the drawing
  function scene(state, wide) {
    const at = layoutOf(wide);
    return inputs(state, at) + hidden(state, at) + curve(state, at);
  }

  const inputsOf = ({ inputs, side }) => plane([...inputs, side, side], RANGE, RANGE);
  const hiddenOf = ({ hidden, side }) => plane([...hidden, side, side], HIDDEN, HIDDEN).at;

  const shade = (k, path) => path && `<path d="${path}" ${fill(`class-${k + 1}`, 0.2)}/>`;

  function inputs({ params, x, y }, at) {
    const [left, top] = at.inputs;
    const size = at.side / CELLS;
    const place = inputsOf(at).at;
    const paths = ["", ""];
    for (let row = 0; row < CELLS; row += 1) {
      for (let column = 0; column < CELLS; column += 1) {
        const point = [LOW + ((column + 0.5) * (HIGH - LOW)) / CELLS, HIGH - ((row + 0.5) * (HIGH - LOW)) / CELLS];
        const best = answer(params, point).p[0] > 0.5 ? 0 : 1;
        paths[best] += `M${round(left + column * size)} ${round(top + row * size)}h${round(size)}v${round(size)}h-${round(size)}z`;
      }
    }
    const lines = UNITS.map((j) => {
      const ends = crossing(params.W1[0][j], params.W1[1][j], params.b1[j], LOW, HIGH);
      if (!ends) return "";
      const [a, b] = ends.map(place);
      return line(...a, ...b, pen("forward", 2.5)) + nameOf(j, a, b, at.inputs, at.side);
    });
    return (
      text(left, top - 9, "inputs (x₁, x₂)", SOFT) + frame(left, top, at.side) + paths.map((path, k) => shade(k, path)).join("") +
      points(x.map(place), y, at.radius) + lines.join("")
    );
  }

  // The number of a unit at the end of its line, within the frame.
  function nameOf(j, a, b, [left, top], side) {
    const [x, y] = [a, b].reduce((one, other) => (one[1] < other[1] ? one : other));
    return text(clamp(x, left + 12, left + side - 12), clamp(y + 16, top + 14, top + side - 6), `h${"₁₂"[j]}`, `${MIDDLE} ${HALO} ${fill("forward")}`);
  }

  function hidden({ params, hidden: places, y, seen }, at) {
    const [left, top] = at.hidden;
    const { W2, b2 } = params;
    const place = hiddenOf(at);
    const weights = UNITS.map((j) => W2[j][0] - W2[j][1]);
    const ends = crossing(weights[0], weights[1], b2[0] - b2[1], ...HIDDEN);
    const border = ends ? line(...place(ends[0]), ...place(ends[1]), pen("ink", 2, "6 4")) : "";
    return (
      text(left, top - 9, "hidden units (h₁, h₂)", SOFT) + frame(left, top, at.side) + border +
      points(places.map(place), y, at.radius) +
      dot(...place(seen.h), 8, `fill="none" ${pen("ink", 2.5)}`)
    );
  }

  const frame = (x, y, side) => rect(x, y, side, side, FRAME);

  function curve({ losses, last }, at) {
    const [x, y, width, height] = at.loss;
    const places = losses.map((loss, k) => [x + (k / last) * width, y + height * (1 - clamp(loss, 0, 1))]);
    return (
      text(x, y - 10, "loss", SOFT) + text(x + width, y - 10, `step ${last}`, `${END} ${SOFT}`) +
      `<path d="M${x} ${y + height}h${width}" fill="none" ${pen("rule-strong")}/>` +
      trace(places, `fill="none" ${pen("ink", 1.5)}`) +
      dot(...places.at(-1), 4, fill("ink"))
    );
  }

  // ---- handles and words
  const handles = ({ probe }, wide) => [spot("probe", "Point to follow", probe, inputsOf(layoutOf(wide)), RANGE)];

  function say({ step, loss, right, y, probe, seen, starts, start }) {
    return [
      `${starts[start].label}, step ${step}: loss ${fixed(loss, 4)}, ${right} of ${y.length} right`,
      `the ring: x = ${row(probe, 2)} becomes h = ${row(seen.h, 3)}, p₂ = ${fixed(seen.p[1], 3)}`,
    ].join("\n");
  }

  const onward = (state, by) => ({ ...state, step: state.step >= state.last ? 0 : Math.min(state.step + by, state.last) });

  define("spaces", {
    compute, layoutOf, scene, handles, say,
    jumps: true,
    drag: (state, name, x, y, wide) => ({ ...state, probe: within(inputsOf(layoutOf(wide)).back(x, y), RANGE) }),
    nudge: (state, name, dx, dy) => ({ ...state, probe: stepped(state.probe, dx, dy, RANGE) }),
    sliders: [{ name: "step", label: "training step", low: 0, high: ({ last }) => last }],
    play: { next: (state) => onward(state, 2), ends: (state) => state.step === state.last, wait: 40 },
    chips: ({ starts }) => [
      { name: "step", label: "One step", to: (state) => onward(state, 1) },
      ...starts.map(({ label }, k) => ({ name: `start-${k}`, label, to: { start: k } })),
    ],
  });
})();
