// Three ways to cut off the tail of a row before a draw, all in one picture: top-k is a line
// between bars, min-p a height, and top-p a place on the sum of the bars.

"use strict";

(() => {
  const {
    END, FRAME, HALO, MIDDLE, SOFT, define, farther, fill, fixed, layouts, line, pen, rect,
    softmax, text, within,
  } = smnnFigures;
  const CUT = pen("backward", 2, "6 4");
  const layoutOf = layouts(
    { size: [608, 362], width: 590, base: 200, rise: 160, bar: 34, stack: 258, final: 334 },
    { size: [340, 362], width: 324, base: 200, rise: 160, bar: 19, stack: 258, final: 334 },
  );

  const shares = (z, T, isIn) => softmax(z.map((score, k) => (isIn[k] ? score : -Infinity)), T);

  // The scores come from the largest to the smallest.
  function compute({ z, T, k, topP, minP }) {
    const p = softmax(z, T);
    const first = shares(z, T, z.map((_, j) => j < k));
    let before = 0;
    const kept = z.map((_, j) => {
      const isKept = j < k && before < topP && p[j] >= minP * p[0];
      before += first[j];
      return isKept;
    });
    return { p, first, kept, q: shares(z, T, kept) };
  }

  const pitchOf = ({ z }, at) => at.width / z.length;
  const colorOf = (kept, j) => fill(kept[j] ? "forward" : "rule-strong");

  function scene(state, wide) {
    const at = layoutOf(wide);
    return bars(state, at, wide) + cuts(state, at) +
      stack(state.first, state.kept, at, at.stack, `their sum from the left, of the first ${state.k}`) +
      stack(state.q, state.kept, at, at.final, "what is drawn from");
  }

  function bars(state, at, wide) {
    const { p, kept, words } = state;
    const pitch = pitchOf(state, at);
    const unit = wide ? "" : text(0, 18, "in percent", SOFT);
    return unit + p.map((share, j) => {
      const x = (j + 0.5) * pitch;
      const height = (share / p[0]) * at.rise;
      const number = wide ? fixed(share, 2) : fixed(100 * share, 0);
      return (
        rect(x - at.bar / 2, at.base - height, at.bar, Math.max(height, 1), colorOf(kept, j)) +
        text(x, at.base + 17, wide ? words[j] : number, `${MIDDLE} ${kept[j] ? "" : SOFT}`) +
        (wide ? text(x, at.base - height - 6, number, `${MIDDLE} ${kept[j] ? "" : SOFT}`) : "")
      );
    }).join("");
  }

  function cuts(state, at) {
    const x = state.k * pitchOf(state, at);
    const y = at.base - state.minP * at.rise;
    const place = state.topP * at.width;
    const name = (words, right, down) => text(right, down, words, `${END} ${HALO} ${fill("backward")}`);
    return line(x, 18, x, at.base, CUT) + line(0, y, at.width, y, CUT) +
      line(place, at.stack - 8, place, at.stack + 26, CUT) +
      name("top-k", Math.max(x - 14, 40), 18) + name("min-p", at.width - 14, y - 9) +
      name("top-p", Math.max(place - 8, 40), at.stack + 36);
  }

  function stack(parts, kept, at, y, title) {
    let from = 0;
    const pieces = parts.map((share, j) => {
      const piece = share > 0 ? rect(from, y, Math.max(share * at.width - 1, 0.5), 18, colorOf(kept, j)) : "";
      from += share * at.width;
      return piece;
    });
    return text(0, y - 10, title, SOFT) + pieces.join("") + rect(0, y, at.width, 18, FRAME);
  }

  // ---- handles and words
  const RANGES = { k: [1, 12, 1], topP: [0.05, 1, 0.01], minP: [0, 1, 0.01] };

  function handles(state, wide) {
    const at = layoutOf(wide);
    const { k, topP, minP } = state;
    const of = (name, label, along, value, digits, x, y) =>
      ({ name, label, along, range: RANGES[name], value, digits, x, y });
    return [
      of("k", "Top-k", "x", k, 0, k * pitchOf(state, at), 14),
      of("minP", "Min-p", "y", minP, 2, at.width, at.base - minP * at.rise),
      of("topP", "Top-p", "x", topP, 2, topP * at.width, at.stack + 9),
    ];
  }

  const withCut = (state, name, value) => ({ ...state, [name]: within(value, RANGES[name]) });

  function dragged(state, name, x, y, wide) {
    const at = layoutOf(wide);
    return withCut(state, name, { k: x / pitchOf(state, at), topP: x / at.width, minP: (at.base - y) / at.rise }[name]);
  }

  function say({ T, k, topP, minP, kept, q }) {
    const left = q.filter((_, j) => kept[j]).map((share) => fixed(share, 3));
    return (
      `T = ${fixed(T, 1)}, top-k ${k}, top-p ${fixed(topP, 2)}, min-p ${fixed(minP, 2)}: ${left.length} of ${kept.length} may be drawn\n` +
      `with the probabilities ${left.join(", ")}`
    );
  }

  const OFF = { k: 12, topP: 1, minP: 0 };

  define("truncation", {
    compute, layoutOf, scene, handles, say,
    drag: dragged,
    nudge: (state, name, dx, dy) => withCut(state, name, state[name] + farther(dx, dy) * RANGES[name][2]),
    sliders: [{ name: "T", label: "temperature T", low: 0.2, high: 3, step: 0.1, digits: 1 }],
    chips: ({ rows }) => [
      { name: "k", label: "top-k 5", to: { ...OFF, k: 5 } },
      { name: "p", label: "top-p 0.9", to: { ...OFF, topP: 0.9 } },
      { name: "m", label: "min-p 0.1", to: { ...OFF, minP: 0.1 } },
      ...rows.map(({ label, z, words }, j) => ({ name: `row-${j}`, label, to: { z, words } })),
    ],
  });
})();
