// A source in a waveguide: what sixteen hydrophones hear of it, and the softmax over ranges that
// two guides make of it, the right one and one that is a meter too deep.

"use strict";

(() => {
  const {
    END, FRAME, MIDDLE, SOFT, define, fill, fixed, largest, layouts, line, pen, plane, rect, round,
    softmax, sum, text, within,
  } = smnnFigures;
  const NAMES = ["the right guide", "one 1 m deeper"];
  const PAINTS = [pen("forward", 2), pen("backward", 2, "2 3")];
  const HYDROPHONES = Array.from({ length: 16 }, (_, l) => 125 + l);
  const CENTERS = Array.from({ length: 138 }, (_, k) => 110 + 20 * k);
  const [NEAR, FAR, DEEP] = [0.1, 2.86, 150]; // kilometers, and meters
  const layoutOf = layouts(
    { size: [608, 424], map: [34, 24, 444, 160], array: [506, 24, 100, 160], plot: [34, 236, 444, 140] },
    { size: [340, 532], map: [32, 24, 304, 150], array: [32, 242, 304, 64], plot: [32, 344, 304, 140] },
  );
  const times = ([a, b], [c, d]) => [a * c - b * d, a * d + b * c];

  // The pressure on the hydrophones as a sum over the modes, scaled to length 1.
  function direction(modes, range, depth) {
    const parts = modes.map(([k, loss, across, re, im]) => {
      const far = Math.exp(-loss * range) * Math.sin(across * depth);
      return times([re, im], [far * Math.cos(k * range), far * Math.sin(k * range)]);
    });
    const p = HYDROPHONES.map((at) => {
      const shape = modes.map((mode) => Math.sin(mode[2] * at));
      return [0, 1].map((side) => sum(parts.map((part, m) => part[side] * shape[m])));
    });
    const norm = Math.hypot(...p.flat());
    return p.map((part) => part.map((side) => side / norm));
  }

  // What a guide expects of a source 5 m deep in each cell does not change.
  const kept = new Map();
  function replicas(modes) {
    const key = modes[0][0];
    if (!kept.has(key)) kept.set(key, CENTERS.map((range) => direction(modes, range, 5)));
    return kept.get(key);
  }

  function compute({ km, depth, snr, guides, amplitudes, noise }) {
    const power = 16 * 10 ** (snr / 10);
    const d = direction(guides[0], 1000 * km, depth);
    const heard = amplitudes.map((a, s) => d.map((part, l) =>
      times(a, part).map((side, which) => Math.sqrt(power) * side + noise[s][l][which])
    ));
    const p = guides.map((modes) => {
      const z = replicas(modes).map((cell) => (power / (1 + power)) * sum(heard.map((one) => {
        const [re, im] = [0, 1].map((side) => sum(one.map((part, l) => times([cell[l][0], -cell[l][1]], part)[side])));
        return re * re + im * im;
      })));
      return softmax(z);
    });
    return { d: d.map((part) => Math.hypot(...part)), p };
  }

  // ---- the drawing
  const planeOf = (box) => plane(box, [NEAR, FAR], [DEEP, 0]);

  function scene(state, wide) {
    const at = layoutOf(wide);
    return map(state, at.map) + array(state, at.array, wide) + plot(state, at.plot);
  }

  // Cells of one level that are neighbors are one piece of a path.
  function map({ levels }, at) {
    const [left, top, width, height] = at;
    const { y } = planeOf(at);
    const [across, down] = [width / levels[0].length, height / levels.length];
    const shades = [1, 2, 3, 4].map((level) => {
      const pieces = levels.flatMap((row, k) => [...row.matchAll(new RegExp(`${level}+`, "g"))].map((run) =>
        `M${round(left + run.index * across)} ${round(top + k * down)}h${round(run[0].length * across)}v${round(down)}h${round(-run[0].length * across)}z`
      ));
      return `<path d="${pieces.join("")}" ${fill("forward", level * 0.16)}/>`;
    });
    return text(left, top - 9, "where is the source?", SOFT) + shades.join("") + rect(...at, FRAME) +
      line(left, y(125), left, y(140), pen("class-1", 6)) +
      [0, 50, 100, 150].map((depth) => text(left - 6, y(depth) + 4, depth, `${END} ${SOFT}`)).join("");
  }

  function array({ d }, [left, top, width, height], wide) {
    const most = Math.max(...d);
    const bars = d.map((size, l) => {
      const far = size / most;
      return wide
        ? rect(left, top + (l * height) / 16, far * width, height / 16 - 2, fill("class-1"))
        : rect(left + (l * width) / 16, top + (1 - far) * height, width / 16 - 3, far * height, fill("class-1"));
    });
    return text(left, top - 9, wide ? "hydrophones" : "sixteen hydrophones, the loudness of each", SOFT) + bars.join("");
  }

  function plot({ p, km }, at) {
    const [left, top, width, height] = at;
    const most = Math.max(...p.flat());
    const lines = p.map((row, k) => {
      const cell = width / row.length;
      const path = row.map((share, j) => `${round(left + j * cell)} ${round(top + (1 - share / most) * height)}h${round(cell)}`);
      return `<path d="M${path.join("L")}" fill="none" ${PAINTS[k]}/>`;
    });
    const { x } = planeOf(at);
    const ticks = [0.5, 1, 1.5, 2, 2.5].map((tick) => text(x(tick), top + height + 18, fixed(tick, 1), `${MIDDLE} ${SOFT}`));
    return text(left, top - 12, "probability of each range", SOFT) + line(left, top + height, left + width, top + height, FRAME) +
      line(x(km), top, x(km), top + height, pen("ink", null, "5 4")) + lines.reverse().join("") + ticks.join("") +
      text(left + width, top + height + 36, "range in km", `${END} ${SOFT}`);
  }

  // ---- the handle and words
  function handles({ km, depth }, wide) {
    const [x, y] = planeOf(layoutOf(wide).map).at([km, depth]);
    return [{
      name: "source", label: "Source", range: [NEAR, FAR], value: km,
      words: `${fixed(km, 2)} km, ${fixed(depth, 0)} m deep`, x, y,
    }];
  }

  const moved = (state, km, depth) => ({ ...state, km: within(km, [NEAR, FAR, 0.01]), depth: within(depth, [1, DEEP - 1, 1]) });

  function say({ km, depth, snr, p }) {
    const answers = p.map((row, k) => {
      const best = largest(row);
      return `${NAMES[k]}: ${fixed(CENTERS[best] / 1000, 2)} km (p = ${fixed(row[best], 3)})`;
    });
    return `source at ${fixed(km, 2)} km, ${fixed(depth, 0)} m deep, ${fixed(snr, 0)} dB:\n${answers.join("\n")}`;
  }

  const at = (km, depth, snr) => ({ km, depth, snr });

  define("field", {
    compute, layoutOf, scene, handles, say, jumps: true,
    drag: (state, name, x, y, wide) => moved(state, ...planeOf(layoutOf(wide).map).back(x, y)),
    nudge: (state, name, dx, dy) => moved(state, state.km + 0.01 * dx, state.depth - dy),
    sliders: [{ name: "snr", label: "signal over noise (dB)", low: -15, high: 15 }],
    chips: () => [
      { name: "far", label: "far out", to: at(2.5, 5, 0) },
      { name: "deep", label: "100 m deep", to: at(1.51, 100, 0) },
      { name: "noise", label: "noise", to: at(1.51, 5, -12) },
    ],
  });
})();
