// The regions in which networks with one, two, three and more hidden units answer each class, and
// a ring to drag, where the probabilities are shown.

"use strict";

(() => {
  const {
    FRAME, SIGNS, SOFT, crossing, define, fill, fixed, largest, layouts, line, pen, plane, points,
    rect, row, softmax, spot, stepped, text, within,
  } = smnnFigures;
  const CELLS = 48; // each way
  const SHADES = 5; // from unsure to sure
  const STEP = 0.02; // of the ring
  const layoutOf = layouts(
    { size: [608, 396], box: [30, 10, 360, 360], bars: [424, 150, 184], radius: 3.5 },
    { size: [340, 446], box: [28, 10, 304, 304], bars: [8, 372, 324], radius: 3 },
  );
  const planeOf = ({ low, high }, wide) => plane(layoutOf(wide).box, [low, high], [low, high]);

  function answer({ V, c, W, b }, [x, y]) {
    const h = c.map((bias, j) => Math.tanh(x * V[0][j] + y * V[1][j] + bias));
    return softmax(b.map((bias, k) => h.reduce((total, part, j) => total + part * W[j][k], bias)));
  }

  function compute({ networks, n, x, y, ring }) {
    const network = networks[n - 1];
    return { p: answer(network, ring), right: x.filter((point, k) => largest(answer(network, point)) === y[k]).length };
  }

  // Of each network once: a path for each class and shade, in cells; and where it is least sure.
  const maps = new WeakMap();

  function mapOf({ networks, n, low, high }) {
    const network = networks[n - 1];
    if (maps.has(network)) return maps.get(network);
    const paths = {};
    let doubt = { sure: 1 };
    const place = (cell) => low + ((cell + 0.5) / CELLS) * (high - low);
    for (let down = 0; down < CELLS; down += 1) {
      let last = null;
      for (let right = 0; right <= CELLS; right += 1) {
        const point = [place(right), place(CELLS - 1 - down)];
        const p = answer(network, point);
        const sure = Math.max(...p);
        if (right < CELLS && sure < doubt.sure) doubt = { sure, point };
        const shade = Math.min(SHADES - 1, Math.floor(((sure - 1 / p.length) / (1 - 1 / p.length)) * SHADES));
        const name = right < CELLS ? `${largest(p)} ${shade}` : null;
        if (last?.name === name) continue;
        if (last) paths[last.name] = `${paths[last.name] ?? ""}M${last.from} ${down}h${right - last.from}v1H${last.from}z`;
        last = { name, from: right };
      }
    }
    const drawn = Object.entries(paths).map(([name, path]) => {
      const [k, shade] = name.split(" ").map(Number);
      return `<path d="${path}" ${fill(`class-${k + 1}`, (0.07 + 0.09 * shade).toFixed(2))}/>`;
    });
    maps.set(network, { drawn: drawn.join(""), doubt: doubt.point });
    return maps.get(network);
  }

  function scene(state, wide) {
    const { box: [left, top, side], bars, radius } = layoutOf(wide);
    const { networks, n, low, high, x, y, p } = state;
    const shown = planeOf(state, wide);
    const { V, c } = networks[n - 1];
    const lines = c.map((bias, j) => crossing(V[0][j], V[1][j], bias, low, high)).filter(Boolean)
      .map(([a, b]) => line(...shown.at(a), ...shown.at(b), pen("ink-soft", 1.5, "6 4")));
    const whole = Array.from({ length: 9 }, (_, k) => k - 4).filter((tick) => tick >= low && tick <= high);
    return (
      `<g transform="translate(${left} ${top}) scale(${side / CELLS})" shape-rendering="crispEdges">${mapOf(state).drawn}</g>` +
      rect(left, top, side, side, FRAME) + shown.axes(whole, whole) + lines.join("") +
      points(x.map(shown.at), y, radius) + shares(p, bars)
    );
  }

  function shares(p, [x, y, width]) {
    return text(x, y - 22, "at the ring", SOFT) + p.map((share, k) => {
      const top = y + k * 26;
      return text(x, top, `p${SIGNS[k]} = ${fixed(share, 3)}`, fill(`class-${k + 1}-text`)) +
        rect(x + 78, top - 11, width - 78, 14, fill("panel")) +
        rect(x + 78, top - 11, (width - 78) * share, 14, fill(`class-${k + 1}`));
    }).join("");
  }

  const rangeOf = ({ low, high }) => [low, high, STEP];
  const handles = (state, wide) => [spot("ring", "Ring", state.ring, planeOf(state, wide), rangeOf(state))];
  const withRing = (state, place) => ({ ...state, ring: within(place, rangeOf(state)) });
  const onward = (state) => ({ ...state, n: state.n >= state.networks.length ? 1 : state.n + 1 });

  const say = ({ n, right, y, ring, p }) =>
    `${n} hidden ${n === 1 ? "unit" : "units"}: ${right} of ${y.length} points are in the region of their class\n` +
    `at the ring: x = ${row(ring, 2)}\np = ${row(p, 3)}`;

  define("regions", {
    compute, layoutOf, scene, handles, say, jumps: true,
    drag: (state, name, x, y, wide) => withRing(state, planeOf(state, wide).back(x, y)),
    nudge: (state, name, dx, dy) => withRing(state, stepped(state.ring, dx, dy, rangeOf(state))),
    sliders: [{ name: "n", label: "hidden units", low: 1, high: ({ networks }) => networks.length }],
    play: { next: onward, ends: (state) => state.n === state.networks.length, wait: 900 },
    chips: ({ networks }) => [
      { name: "one", label: "1 unit", to: { n: 1 } },
      { name: "all", label: `${networks.length} units`, to: { n: networks.length } },
      { name: "doubt", label: "where it is least sure", to: (state) => withRing(state, mapOf(state).doubt) },
    ],
  });
})();
