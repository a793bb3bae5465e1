// Attention in tiles: a sweep over the keys, of which one tile of scores exists at a time, and
// what a query keeps meanwhile: the largest score, the sum of exponentials and the output.

"use strict";

(() => {
  const {
    FRAME, SOFT, arrow, define, dot, farther, fill, fixed, layouts, line, pen, plane, rect, round,
    row, text, within,
  } = smnnFigures;
  const layoutOf = layouts(
    { size: [608, 328], square: [22, 34, 280], plane: [328, 34, 280] },
    { size: [340, 606], square: [50, 34, 260], plane: [50, 338, 260] },
  );

  // One step of the sweep: what was kept and a tile of scores and values become what is kept.
  function merged({ m, s, o }, scores, values) {
    const largest = Math.max(m, ...scores);
    const rescale = Math.exp(m - largest);
    const e = scores.map((score) => Math.exp(score - largest));
    const sum = s * rescale + e.reduce((total, part) => total + part);
    const out = o.map((part, axis) =>
      (part * s * rescale + e.reduce((total, weight, k) => total + weight * values[k][axis], 0)) / sum
    );
    return { m: largest, s: sum, o: out, rescale };
  }

  function compute({ scores, values, query, seen, tile }) {
    const path = [{ m: -Infinity, s: 0, o: [0, 0], rescale: 0 }];
    for (let from = 0; from < seen; from += tile) {
      const to = Math.min(from + tile, seen);
      path.push(merged(path.at(-1), scores[query].slice(from, to), values.slice(from, to)));
    }
    const { m, s, o, rescale } = path.at(-1);
    const weights = scores[query].map((score, k) => (k < seen ? Math.exp(score - m) / s : 0));
    return { m, s, o, rescale, weights, path: path.slice(1).map((kept) => kept.o) };
  }

  function scene(state, wide) {
    const at = layoutOf(wide);
    return square(state, at.square) + cloud(state, at.plane);
  }

  // The matrix of scores, of which one tile exists.
  function square({ scores, seen, query, tile }, [left, top, side]) {
    const size = side / scores.length;
    const first = seen ? Math.floor((seen - 1) / tile) * tile : 0;
    const top0 = Math.floor(query / tile) * tile;
    const most = Math.max(...scores.flat().map(Math.abs));
    let cells = "";
    for (let row = top0; row < Math.min(top0 + tile, scores.length); row += 1) {
      for (let k = first; k < seen; k += 1) {
        const score = scores[row][k];
        cells += rect(left + k * size, top + row * size, size, size,
          fill(score < 0 ? "backward" : "forward", round(0.08 + (0.8 * Math.abs(score)) / most)));
      }
    }
    const gone = rect(left, top + top0 * size, first * size, tile * size, fill("rule", 0.5));
    let grid = "";
    for (let k = tile; k < scores.length; k += tile) {
      grid += `M${round(left + k * size)} ${top}v${side}M${left} ${round(top + k * size)}h${side}`;
    }
    return (
      text(left, top - 18, "keys", SOFT) + gone + cells +
      `<path d="${grid}" fill="none" ${pen("rule", 0.7)}/>` + rect(left, top, side, side, FRAME) +
      rect(left, top + query * size, side, size, `fill="none" ${pen("ink", 1.5)}`)
    );
  }

  // The values as points, as large as their weights; the output is their mean, and moves.
  function cloud({ values, weights, seen, path, o }, [left, top, side]) {
    const place = plane([left, top, side, side], [-2.2, 2.2], [-2.2, 2.2]).at;
    const points = values.map((value, k) => {
      const [x, y] = place(value);
      const radius = 2.5 + 20 * Math.sqrt(weights[k]);
      const paint = k < seen ? `${fill("forward", 0.45)} ${pen("forward")}` : FRAME;
      return dot(x, y, radius, paint);
    });
    const steps = path.slice(1).map((to, k) => arrow(place(path[k]), place(to), pen("backward", 2), 7));
    const [x, y] = place(o);
    const mean = seen ? dot(x, y, 6, `${fill("backward")} ${pen("paper", 2)}`) : "";
    return (
      text(left, top - 18, "values, and the output", SOFT) + rect(left, top, side, side, FRAME) +
      line(left, top + side / 2, left + side, top + side / 2, pen("rule", 0.7)) +
      line(left + side / 2, top, left + side / 2, top + side, pen("rule", 0.7)) +
      points.join("") + steps.join("") + mean
    );
  }

  // ---- handles and words
  function handles({ scores, query, seen }, wide) {
    const [left, top, side] = layoutOf(wide).square;
    const size = side / scores.length;
    return [
      { name: "seen", label: "Keys seen", range: [0, scores.length], value: seen, x: left + seen * size, y: top - 6 },
      { name: "query", label: "Query", along: "y", range: [1, scores.length], value: query + 1, x: left - 6, y: top + (query + 0.5) * size },
    ];
  }

  const withPart = (state, name, value) =>
    ({ ...state, [name]: within(value, [0, state.scores.length - (name !== "seen"), 1]) });

  function dragged(state, name, x, y, wide) {
    const [left, top, side] = layoutOf(wide).square;
    const size = side / state.scores.length;
    return withPart(state, name, name === "seen" ? (x - left) / size : (y - top) / size - 0.5);
  }

  const nudged = (state, name, dx, dy) =>
    withPart(state, name, state[name] + (name === "seen" ? farther(dx, dy) : farther(dx, -dy)));

  function say({ scores, query, seen, tile, m, s, o, rescale }) {
    const count = scores.length;
    const begin = `query ${query + 1}, ${seen} of ${count} keys in tiles of ${tile}`;
    if (!seen) return `${begin}: nothing is kept yet`;
    const last = rescale && rescale < 1 ? `, after times ${fixed(rescale, 3)} for a larger score` : "";
    return (
      `${begin}: m = ${fixed(m, 3)}, s = ${fixed(s, 3)}${last}, output ${row(o, 3)}\n` +
      `at work: ${tile * tile} scores of ${count * count}`
    );
  }

  const onward = (state) => {
    const count = state.scores.length;
    return { ...state, seen: state.seen >= count ? 0 : Math.min((Math.floor(state.seen / state.tile) + 1) * state.tile, count) };
  };

  define("tiles", {
    compute, layoutOf, scene, handles, say,
    jumps: true, drag: dragged, nudge: nudged,
    play: { next: onward, ends: ({ seen, scores }) => seen === scores.length, wait: 800 },
    chips: () => [
      { name: "step", label: "Next tile", to: onward },
      ...[1, 2, 4, 8].map((tile) => ({ name: `tile-${tile}`, label: `tiles of ${tile}`, to: { tile } })),
    ],
  });
})();
