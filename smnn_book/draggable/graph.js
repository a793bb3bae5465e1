// A computation as a graph of operations: values go forward and gradients come back, one step
// at a time.  The nodes come with the data, in the order of their values; a node without an
// operation is a leaf, one with `on` is a weight on the edge between two others, and one with
// `reach` can be dragged.

"use strict";

(() => {
  const {
    HALO, MIDDLE, SOFT, arrow, define, dot, farther, fill, fixed, pen, placeOn, rect, sum, text,
    within,
  } = smnnFigures;
  const RADIUS = 22;
  const TRACK = 40; // half of the way that a handle has
  const number = (value) => fixed(value, 4);
  const framed = (value) => (value < 0 ? `(${number(value)})` : number(value));
  const sigmoid = (z) => (z < 0 ? Math.exp(z) / (1 + Math.exp(z)) : 1 / (1 + Math.exp(-z)));
  const pairs = (values) => values.flatMap((x, k) => (k % 2 ? [] : [[x, values[k + 1]]]));

  // Each operation with its value, its slope for each input, and its sum in numbers.
  const OPERATIONS = {
    times: {
      value: ([a, b]) => a * b,
      slopes: ([a, b]) => [b, a],
      words: ([a, b]) => `${number(a)} × ${framed(b)}`,
    },
    plus: {
      value: sum,
      slopes: (values) => values.map(() => 1),
      words: ([first, ...rest]) => [number(first), ...rest.map(framed)].join(" + "),
    },
    weighted: {
      value: (values, { bias }) => sum(pairs(values).map(([x, w]) => x * w)) + bias,
      slopes: (values) => pairs(values).flatMap(([x, w]) => [w, x]),
      words: (values, { bias }) =>
        `${pairs(values).map(([x, w]) => `${framed(x)} × ${framed(w)}`).join(" + ")} + ${fixed(bias, 2)}`,
    },
    sigmoid: {
      value: ([z]) => sigmoid(z),
      slopes: ([z]) => [sigmoid(z) * (1 - sigmoid(z))],
      words: ([z]) => `σ(${number(z)})`,
    },
    "half-square": {
      value: ([o], { target }) => 0.5 * (o - target) ** 2,
      slopes: ([o], { target }) => [o - target],
      words: ([o], { target }) => `½ (${number(o)} − ${target})²`,
    },
    "cross-entropy": {
      value: (z, { target }) => -sum(logSoftmax(z).map((log, k) => target[k] * log)),
      slopes: (z, { target }) => logSoftmax(z).map((log, k) => Math.exp(log) - target[k]),
      words: (z, { target }) =>
        logSoftmax(z).map((log, k) => `− ${target[k]} × log ${number(Math.exp(log))}`).join(" ").replace("− ", "−"),
    },
  };

  function logSoftmax(z) {
    const largest = Math.max(...z);
    const log = largest + Math.log(sum(z.map((score) => Math.exp(score - largest))));
    return z.map((score) => score - log);
  }

  function compute({ nodes, leaves }) {
    const values = { ...leaves };
    for (const node of nodes) {
      if (node.op) values[node.name] = OPERATIONS[node.op].value(node.of.map((name) => values[name]), node);
    }
    const slopes = {}; // of each node with an operation, for each of its inputs
    const gradients = Object.fromEntries(nodes.map(({ name }) => [name, 0]));
    gradients[nodes.at(-1).name] = 1;
    for (const node of nodes.toReversed()) {
      if (!node.op) continue;
      slopes[node.name] = OPERATIONS[node.op].slopes(node.of.map((name) => values[name]), node);
      node.of.forEach((name, k) => {
        gradients[name] += slopes[node.name][k] * gradients[node.name];
      });
    }
    return { values, slopes, gradients };
  }

  // Which node gets its value in a step, and which its gradient.
  const forward = (nodes) => nodes.filter(({ op }) => op);
  const last = ({ nodes }) => forward(nodes).length + nodes.length;
  const there = (nodes, name) => forward(nodes).findIndex((node) => node.name === name) + 1;
  const back = (nodes, name) => forward(nodes).length + nodes.length - nodes.findIndex((node) => node.name === name);

  const placeOf = (node, wide) => node.at[wide ? 0 : 1];
  const named = (nodes, name) => nodes.find((node) => node.name === name);

  // ---- the drawing
  function scene(state, wide) {
    const { nodes } = state;
    const edges = nodes.flatMap((node) => (node.of ?? []).map((name, k) => [named(nodes, name), node, k]));
    return (
      edges.map((edge) => drawnEdge(state, wide, ...edge)).join("") +
      nodes.filter(({ reach }) => reach).map((node) => track(node, wide)).join("") +
      nodes.map((node) => (node.on ? drawnWeight(state, wide, node) : drawnNode(state, wide, node))).join("")
    );
  }

  // An edge points forward, until a gradient has come back along it.
  function drawnEdge(state, wide, from, to, k) {
    if (from.on) return "";
    const { nodes, step } = state;
    const [isThere, isBack] = [step >= there(nodes, to.name), step >= back(nodes, from.name)];
    const weight = nodes.find(({ on }) => on && on[0] === from.name && on[1] === to.name);
    const isLit = step && [there(nodes, to.name), back(nodes, from.name), weight && back(nodes, weight.name)].includes(step);
    const color = isBack ? "backward" : isThere ? "forward" : "rule-strong";
    const ends = [placeOf(from, wide), placeOf(to, wide)];
    const [begin, end] = isBack ? ends.toReversed() : ends;
    const slope = isBack && !weight ? slopeHtml(fixed(state.slopes[to.name][k], 2), begin, end, wide, from.side ?? 1) : "";
    return (
      arrow(placeOn(begin, end, RADIUS + 2), placeOn(end, begin, RADIUS + 3),
        pen(color, isLit ? 4 : 1.5)) + slope
    );
  }

  // Clear of its edge: beside a steep one; else above or below it, or on a phone below and beside.
  function slopeHtml(words, [x, y], end, wide, side) {
    const [dx, dy] = [end[0] - x, end[1] - y];
    const at = (share, right, down, anchor) =>
      text(x + share * dx + right, y + share * dy + down, `× ${words}`, `text-anchor="${anchor}" ${HALO} ${fill("backward")}`);
    const beside = (sign) => (sign > 0 ? "start" : "end");
    if (Math.abs(dy) > Math.abs(dx)) return at(0.6, 9 * side, 5, beside(side));
    if (!wide) return at(0.6, 8 * Math.sign(dx), 16, beside(dx));
    const away = 5 + 24 * Math.abs(dy / dx);
    return at(dy ? 0.44 : 0.5, 0, dy > 0 ? away + 9 : -away, "middle");
  }

  const half = (node) => TRACK / node.reach;
  const trackOf = (node, wide) => {
    const [[x, y], [dx, dy]] = [placeOf(node, wide), node.track[wide ? 0 : 1]];
    return [x + dx, y + dy];
  };

  function track(node, wide) {
    const [x, y] = trackOf(node, wide);
    return `<path d="M${x - TRACK} ${y}h${2 * TRACK}M${x} ${y - 5}v10" fill="none" ${pen("rule-strong")}/>`;
  }

  const ring = (state, { name, op }) => {
    const isBack = state.step === back(state.nodes, name);
    const isHere = state.step && (isBack || (op && state.step === there(state.nodes, name)));
    return isHere ? pen(isBack ? "backward" : "forward", 4) : pen("ink", 1.5);
  };
  const valueHtml = (state, { name }, x, y, anchor) =>
    text(x, y, number(state.values[name]), `${anchor} ${HALO} ${fill("forward")}`);
  const gradientHtml = (state, { name }, x, y, anchor) =>
    text(x, y, number(state.gradients[name]), `${anchor} ${HALO} ${fill("backward")} font-style="italic"`);

  // Numbers above and below a node where there is room, and beside it on a phone.
  function drawnNode(state, wide, node) {
    const [x, y] = placeOf(node, wide);
    const side = node.side ?? 1;
    const [up, down, anchor] = wide
      ? [[x, y - 30], [x, y + 40], MIDDLE]
      : [[x + 28 * side, y - 3], [x + 28 * side, y + 15], `text-anchor="${side > 0 ? "start" : "end"}"`];
    return (
      dot(x, y, RADIUS, `${fill("panel")} ${ring(state, node)}`) +
      text(x, y + 4.5, node.label, `${MIDDLE} ${fill("ink")}`) +
      (!node.op || state.step >= there(state.nodes, node.name) ? valueHtml(state, node, ...up, anchor) : "") +
      (state.step >= back(state.nodes, node.name) ? gradientHtml(state, node, ...down, anchor) : "")
    );
  }

  function drawnWeight(state, wide, node) {
    const [x, y] = placeOf(node, wide);
    return (
      rect(x - 32, y - 18, 64, 36, `rx="6" ${fill("paper")} ${ring(state, node)}`) +
      text(x, y - 4, `× ${fixed(state.values[node.name], 2)}`, `${MIDDLE} ${fill("forward")}`) +
      (state.step >= back(state.nodes, node.name)
        ? text(x, y + 12, number(state.gradients[node.name]), `${MIDDLE} ${fill("backward")} font-style="italic"`)
        : text(x, y + 12, node.label, `${MIDDLE} ${SOFT}`))
    );
  }

  // ---- handles and words
  const handles = ({ nodes, leaves }, wide) =>
    nodes.filter(({ reach }) => reach).map((node) => ({
      name: node.name, label: node.says, range: [-node.reach, node.reach],
      value: leaves[node.name], words: fixed(leaves[node.name], 2),
      x: trackOf(node, wide)[0] + leaves[node.name] * half(node), y: trackOf(node, wide)[1],
    }));

  function moved(state, name, value) {
    const { reach, unit } = named(state.nodes, name);
    return { ...state, leaves: { ...state.leaves, [name]: within(value, [-reach, reach, unit]) } };
  }

  function dragged(state, name, x, y, wide) {
    const node = named(state.nodes, name);
    return moved(state, name, (x - trackOf(node, wide)[0]) / half(node));
  }

  function say(state) {
    const { nodes, step, values, slopes, gradients } = state;
    const begin = `step ${step} of ${last(state)}: `;
    if (!step) {
      const given = nodes.filter(({ op, on }) => !op && !on).map(({ label, name }) => `${label} = ${number(values[name])}`);
      return `${begin}${given.join(", ")}`;
    }
    const node = forward(nodes)[step - 1];
    if (node) {
      const words = OPERATIONS[node.op].words(node.of.map((name) => values[name]), node);
      return `${begin}forward, ${node.label} = ${node.formula} = ${words} = ${number(values[node.name])}`;
    }
    const here = nodes[last(state) - step];
    const shares = nodes.flatMap((user) => (user.of ?? []).flatMap((name, k) => (name === here.name
      ? [[gradients[user.name], slopes[user.name][k]]] : [])));
    const words = shares.map(([gradient, slope], k) => `${(k ? framed : number)(gradient)} × ${framed(slope)}`);
    const reason = here.because ? `${here.because}: ` : "";
    return shares.length
      ? `${begin}back, ${reason}${words.join(" + ")} = ${number(gradients[here.name])}, the gradient at ${here.label}`
      : `${begin}back, the gradient at ${here.label} is 1`;
  }

  const onward = (state) => ({ ...state, step: state.step < last(state) ? state.step + 1 : 0 });

  define("graph", {
    compute,
    size: (wide, { sizes }) => sizes[wide ? 0 : 1],
    scene, handles, say,
    jumps: true,
    drag: dragged,
    nudge: (state, name, dx, dy) => moved(state, name, state.leaves[name] + farther(dx, dy) * named(state.nodes, name).unit),
    sliders: [{ name: "step", label: "step", low: 0, high: last }],
    play: { next: onward, ends: (state) => state.step === last(state), wait: 900 },
    chips: (data) => [
      { name: "back", label: "‹ Back", to: (state) => ({ ...state, step: Math.max(state.step - 1, 0) }) },
      { name: "step", label: "Step ›", to: onward },
      { name: "all", label: "All gradients", to: (state) => ({ ...state, step: last(state) }) },
      ...(data.presets ?? []).map(({ name, label, leaves, target }) => ({
        name, label,
        to: (state) => ({
          ...state, leaves: { ...state.leaves, ...leaves },
          nodes: target ? [...state.nodes.slice(0, -1), { ...state.nodes.at(-1), target }] : state.nodes,
        }),
      })),
    ],
  });
})();
