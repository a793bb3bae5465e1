// Huffman's tree of eight words whose frequencies are dragged, and words drawn from them, which
// walk down the tree.  The words are in order of frequency, so that no branches cross.

"use strict";

(() => {
  const { MIDDLE, SOFT, define, farther, fill, fixed, line, pen, rect, sum, text, within } = smnnFigures;
  const RANGE = [1, 96, 1]; // of a frequency
  const [ROOT, LEVEL, BASE, UNIT] = [14, 24, 352, 0.9];
  const widthOf = (wide) => (wide ? 608 : 340);

  // Two queues, both from the rarest on; of equal counts the leaf comes first.
  function lengthsOf(w) {
    const lengths = w.map(() => 0);
    const leaves = w.map((count, k) => [count, [k]]).reverse();
    const made = [];
    while (leaves.length + made.length > 1) {
      const [[one, a], [other, b]] = [0, 1].map(() =>
        (leaves.length && (!made.length || leaves[0][0] <= made[0][0]) ? leaves : made).shift()
      );
      for (const k of [...a, ...b]) lengths[k] += 1;
      made.push([one + other, [...a, ...b]]);
    }
    return lengths;
  }

  function compute({ w, uniforms, drawn }) {
    const total = sum(w);
    const p = w.map((count) => count / total);
    const lengths = lengthsOf(w);
    const draws = uniforms.slice(0, drawn).map((u) => {
      let up = 0;
      return w.findIndex((count) => (up += count) > u * total);
    });
    return {
      p, lengths, draws,
      H: -sum(p.map((share) => share * Math.log2(share))),
      L: sum(p.map((share, k) => share * lengths[k])),
      mean: draws.length ? sum(draws.map((k) => lengths[k])) / draws.length : 0,
    };
  }

  // ---- the drawing
  const columnOf = (wide, k) => (k + 0.5) * widthOf(wide) / 8;

  function scene(state, wide) {
    return tree(state, wide) + bars(state, wide) + scales(state, wide);
  }

  // The next leaf is at this depth, or two branches are below it.
  function tree({ lengths, draws }, wide) {
    const goal = draws.at(-1);
    let next = 0;
    let edges = "";
    let onPath = "";
    function grown(depth) {
      const y = ROOT + depth * LEVEL;
      if (lengths[next] === depth) {
        const k = next++;
        const x = columnOf(wide, k);
        edges += line(x, y, x, ROOT + 7 * LEVEL + 14, pen("rule", null, "2 4")) +
          rect(x - 4, y - 4, 8, 8, fill("forward"));
        return { x, y, hit: k === goal };
      }
      const below = [grown(depth + 1), grown(depth + 1)];
      const node = { x: (below[0].x + below[1].x) / 2, y, hit: below[0].hit || below[1].hit };
      for (const { x, y: low, hit } of below) {
        edges += line(node.x, y, x, low, pen("rule-strong", 1.5));
        if (hit) onPath += line(node.x, y, x, low, `${pen("backward", 4)} stroke-linecap="round"`);
      }
      return node;
    }
    grown(0);
    return edges + onPath;
  }

  // What the tree gives a word, 2 to the power of minus its steps, is a line across its bar.
  function bars({ w, words, lengths, draws }, wide) {
    const width = wide ? 34 : 22;
    const total = sum(w);
    return text(0, BASE - 134, "bars: how often; lines: the share that the tree gives", SOFT) + w.map((count, k) => {
      const x = columnOf(wide, k);
      const given = BASE - (total / 2 ** lengths[k]) * UNIT;
      return rect(x - width / 2, BASE - count * UNIT, width, count * UNIT, fill(k === draws.at(-1) ? "backward" : "forward")) +
        line(x - width / 2 - 5, given, x + width / 2 + 5, given, pen("ink", 2)) +
        text(x, BASE + 26, words[k], MIDDLE) + text(x, BASE + 43, lengths[k], `${MIDDLE} ${SOFT}`);
    }).join("");
  }

  function scales({ H, L, mean }, wide) {
    const unit = (widthOf(wide) - 110) / 4;
    return [["entropy", H, "rule-strong"], ["Huffman", L, "forward"], ["drawn", mean, "backward"]].map(([name, bits, color], k) => {
      const y = BASE + 62 + 20 * k;
      return text(0, y + 10, name) + rect(66, y, bits * unit, 12, fill(color)) +
        (bits ? text(72 + bits * unit, y + 10, fixed(bits, 3)) : "");
    }).join("");
  }

  // ---- handles and words
  const handles = ({ w, words }, wide) => w.map((count, k) => ({
    name: `w${k}`, label: `How often “${words[k]}” comes`, along: "y", range: RANGE, value: count,
    x: columnOf(wide, k), y: BASE - count * UNIT,
  }));

  // A word that becomes more frequent takes those before it along, and the other way round.
  function withCount(state, name, value) {
    const at = Number(name[1]);
    const count = within(value, RANGE);
    return { ...state, w: state.w.map((old, k) => (k === at ? count : Math[k < at ? "max" : "min"](old, count))) };
  }

  function say({ H, L, words, lengths, draws, mean }) {
    const last = draws.at(-1);
    return `H = ${fixed(H, 3)} bits, L = ${fixed(L, 3)}, which is ${fixed(L - H, 3)} more\n` + (draws.length
      ? `${draws.length} drawn: ${fixed(mean, 3)} steps on average, “${words[last]}” took ${lengths[last]}`
      : "no word drawn yet");
  }

  const draw = (state) => ({ ...state, drawn: Math.min(state.drawn + 1, state.uniforms.length) });

  define("huffman", {
    compute, scene, handles, say,
    size: (wide) => [widthOf(wide), 470],
    drag: (state, name, x, y) => withCount(state, name, (BASE - y) / UNIT),
    nudge: (state, name, dx, dy) => withCount(state, name, state.w[name[1]] + farther(dx, dy)),
    play: { next: draw, ends: ({ drawn, uniforms }) => drawn === uniforms.length, wait: 150 },
    sliders: [{ name: "drawn", label: "words drawn", low: 0, high: ({ uniforms }) => uniforms.length }],
    chips: ({ presets }) => [
      { name: "draw", label: "Draw a word", to: draw },
      ...presets.map(({ label, w }, k) => ({ name: `w-${k}`, label, to: { w } })),
    ],
  });
})();
