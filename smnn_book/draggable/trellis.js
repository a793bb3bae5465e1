// All paths of six frames that read as a label, through the states of the label: how much of
// their sum passes through each state, and what the loss therefore asks of each frame.

"use strict";

(() => {
  const {
    MIDDLE, SOFT, clamp, define, dot, farther, fill, fixed, layouts, line, pen, rect, round,
    softmax, sum, text, trace, within,
  } = smnnFigures;
  const SIGNS = "−ab";
  const COLORS = ["rule-strong", "class-1", "class-2"];
  const TOP = 26;
  const HIGH = 110;
  const LEAST = 0.01;
  const layoutOf = layouts(
    { left: 40, pitch: 94, bar: 40, asked: 14, says: "what each frame says, p, and beside it what the loss asks for, y" },
    { left: 24, pitch: 52.5, bar: 24, asked: 9, says: "p of each frame, and beside it y" },
  );

  function compute({ p, label }) {
    const states = [...`−${[...label].join("−")}−`].map((sign) => SIGNS.indexOf(sign));
    const paths = [];
    function walk(trail, chance) {
      const [t, s] = [trail.length, trail.at(-1)];
      if (t === p.length) {
        if (s >= states.length - 2) paths.push({ trail, chance, read: trail.map((at) => SIGNS[states[at]]).join(" ") });
        return;
      }
      const ways = t ? [s, s + 1, states[s + 2] && states[s + 2] !== states[s] ? s + 2 : -1] : [0, 1];
      for (const to of ways) if (to in states) walk([...trail, to], chance * p[t][states[to]]);
    }
    walk([], 1);
    const P = sum(paths.map(({ chance }) => chance));
    const order = ({ read }) => [...read].map((sign) => SIGNS.indexOf(sign)).join();
    const best = paths.reduce((a, b) => (b.chance > a.chance || (b.chance === a.chance && order(b) < order(a)) ? b : a));
    const share = p.map(() => states.map(() => 0));
    const flow = p.map(() => states.map(() => [0, 0, 0])); // by how many states a step goes on
    for (const { trail, chance } of paths) {
      trail.forEach((s, t) => {
        share[t][s] += chance / P;
        if (t) flow[t][trail[t - 1]][s - trail[t - 1]] += chance / P;
      });
    }
    const y = share.map((parts) => [0, 1, 2].map((k) => sum(parts.filter((_, s) => states[s] === k))));
    return { states, count: paths.length, P, loss: -Math.log(P), share, flow, y, best };
  }

  // A step down the gradient with respect to the scores, which is p − y.
  function lower(state) {
    return { ...state, p: state.p.map((row, t) => softmax(row.map((share, k) => Math.log(share) + state.y[t][k] - share))) };
  }

  // ---- the drawing
  function scene(state, wide) {
    const at = layoutOf(wide);
    return text(0, 12, at.says, SOFT) + bars(state, at) + trellis(state, at);
  }

  const middleOf = (at, t) => at.left + (t + 0.5) * at.pitch;
  const barOf = (at, t) => middleOf(at, t) - (at.bar + at.asked + 3) / 2;

  function bars({ p, y }, at) {
    const stack = (x, width, parts) => {
      let up = TOP + HIGH;
      return parts.map((part, k) => rect(x, (up -= part * HIGH), width, part * HIGH, fill(COLORS[k]))).join("");
    };
    return p.map((row, t) => {
      const x = barOf(at, t);
      return stack(x, at.bar, row) + stack(x + at.bar + 3, at.asked, y[t]) + text(middleOf(at, t), TOP + HIGH + 17, t + 1, `${MIDDLE} ${SOFT}`);
    }).join("");
  }

  function trellis({ states, share, flow, best }, at) {
    const place = (t, s) => [middleOf(at, t), TOP + HIGH + 46 + 32 * s];
    const between = (t, from, to, more) => line(...place(t - 1, from), ...place(t, to), more);
    const rows = states.map((k, s) => {
      const [, y] = place(0, s);
      const band = k ? rect(0, y - 16, at.left + 6 * at.pitch, 32, fill("panel")) : "";
      return band + text(6, y + 5, SIGNS[k]);
    });
    const steps = flow.map((from, t) => from.map((ways, s) => ways.map((part, go) =>
      part ? between(t, s, s + go, `${pen("ink-soft")} stroke-opacity="0.55" stroke-width="${round(0.6 + 11 * part)}"`) : ""
    ).join("")).join(""));
    const dots = share.map((parts, t) => parts.map((part, s) => {
      const [x, y] = place(t, s);
      return part ? dot(x, y, 2 + 12 * Math.sqrt(part), fill(COLORS[states[s]])) : "";
    }).join(""));
    const points = best.trail.map((s, t) => place(t, s));
    const likeliest = trace(points, `fill="none" ${pen("backward", 2.5, "6 4")}`);
    return rows.join("") + steps.join("") + dots.join("") + likeliest;
  }

  // ---- handles and words
  // A frame is cut in two places: above the blank, and above a.
  const cutsOf = ([blank, a]) => [blank, blank + a];
  const rangeOf = (k) => (k ? [2 * LEAST, 1 - LEAST, LEAST] : [LEAST, 1 - 2 * LEAST, LEAST]);

  function handles({ p }, wide) {
    const at = layoutOf(wide);
    return p.flatMap((row, t) => cutsOf(row).map((cut, k) => {
      const range = rangeOf(k);
      return {
        name: `${t}-${k}`, label: `Frame ${t + 1}, ${k ? "blank and a together" : "blank"}`, along: "y", range,
        value: clamp(cut, ...range), digits: 2, x: barOf(at, t) + at.bar / 2, y: TOP + (1 - cut) * HIGH,
      };
    }));
  }

  // One cut pushes the other along.
  function withCut(state, name, value) {
    const [t, k] = name.split("-").map(Number);
    let [low, high] = cutsOf(state.p[t]);
    const cut = within(value, rangeOf(k));
    if (k) [low, high] = [Math.min(low, cut - LEAST), cut];
    else [low, high] = [cut, Math.max(high, cut + LEAST)];
    return { ...state, p: state.p.map((row, j) => (j === t ? [low, high - low, 1 - high] : row)) };
  }

  const nudged = (state, name, dx, dy) => {
    const [t, k] = name.split("-");
    return withCut(state, name, cutsOf(state.p[t])[k] + farther(dx, dy) * LEAST);
  };

  const say = ({ label, count, P, loss, best }) =>
    `${label}: ${count} paths, P = ${fixed(P, 4)}, loss −log P = ${fixed(loss, 3)}\n` +
    `the likeliest, ${best.read}, has ${fixed((100 * best.chance) / P, 1)}% of P`;

  const everywhere = (row) => (state) => ({ ...state, p: state.p.map(() => row) });

  define("trellis", {
    compute, scene, handles, say, nudge: nudged,
    size: (wide) => [wide ? 608 : 340, 400],
    drag: (state, name, x, y) => withCut(state, name, 1 - (y - TOP) / HIGH),
    play: { next: lower, ends: ({ loss }) => loss < 0.05, wait: 80 },
    chips: ({ labels }) => [
      { name: "step", label: "One step", to: lower },
      ...labels.map((label) => ({ name: label, label, to: { label } })),
      { name: "equal", label: "all equal", to: everywhere([1 / 3, 1 / 3, 1 / 3]) },
      { name: "blank", label: "mostly blank", to: everywhere([0.8, 0.1, 0.1]) },
    ],
  });
})();
