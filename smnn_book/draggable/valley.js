// Three optimizers in a long valley: the start is dragged, and their paths follow, beside what is
// left of the distance to the bottom.

"use strict";

(() => {
  const {
    END, FRAME, MIDDLE, SOFT, adamStep, clamp, define, dot, fill, fixed, layouts, line, pen, plane,
    rect, round, spot, stepped, text, trace, within,
  } = smnnFigures;
  const RANGES = [[-3, 3, 0.1], [-1.8, 1.8, 0.1]]; // of the start
  const [FLAT, STEEP] = [0.1, 10]; // curvatures along the valley and across it
  const CONTOURS = [2, 1.6, 1.2, 0.8, 0.5, 0.3, 0.2, 0.1, 0.05]; // where they cross the steep axis
  const [LAST, LATEST, WITHIN] = [100, 400, 0.01]; // steps to see, steps to judge by, a share
  const layoutOf = layouts(
    { size: [608, 300], map: [0, 26, 400, 250], plot: [454, 26, 140, 250] },
    { size: [340, 434], map: [0, 26, 340, 212], plot: [44, 284, 280, 126] },
  );
  const momentum = (mu) => (w, slope, sum, square, t, eta) => [w - eta * (mu * sum + slope), mu * sum + slope, 0];
  const MOVES = [["plain", momentum(0), ""], ["momentum", momentum(0.9), "8 3"], ["Adam", adamStep, "3 3"]];

  function slopesAt([w1, w2], turn) {
    const [c, s] = [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)];
    const [along, across] = [FLAT * (c * w1 + s * w2), STEEP * (c * w2 - s * w1)];
    return [c * along - s * across, s * along + c * across];
  }

  function compute({ start, eta, turn, step }) {
    const seen = (all) => all.slice(0, Math.round(step) + 1);
    return { walks: MOVES.map(([, move]) => {
      let weights = start.map((w) => [w, 0, 0]); // each with what its optimizer keeps
      const path = [start];
      for (let t = 1; t <= LATEST; t += 1) {
        const slopes = slopesAt(path.at(-1), turn);
        weights = weights.map(([w, ...kept], k) => move(w, slopes[k], ...kept, t, eta));
        path.push(weights.map(([w]) => w));
      }
      const away = path.map((place) => Math.hypot(...place) / (Math.hypot(...start) || 1));
      const until = away.findLastIndex((share) => share > WITHIN) + 1;
      return { path: seen(path), away: seen(away), until, diverges: away.at(-1) > 1 };
    }) };
  }

  // ---- the drawing
  const planeOf = (wide) => plane(layoutOf(wide).map, [-3.2, 3.2], [-2, 2]);
  const paint = (k) => `stroke-linejoin="round" ${pen(`series-${k + 1}`, 2, MOVES[k][2])}`;

  function scene(state, wide) {
    const { map, plot } = layoutOf(wide);
    return names(state) + valley(state, map, planeOf(wide)) + distances(state, plot);
  }

  const names = () => MOVES.map(([name], k) => {
    const x = [0, 82, 200][k];
    return line(x, 10, x + 26, 10, paint(k)) + text(x + 32, 14, name, fill(`series-${k + 1}-text`));
  }).join("");

  // What leaves the map is cut at its edge.
  function valley({ walks, turn }, map, { x, y, at }) {
    const unit = x(1) - x(0);
    const contours = CONTOURS.map((across) =>
      `<ellipse rx="${round(across * unit * Math.sqrt(STEEP / FLAT))}" ry="${round(across * unit)}"` +
      ` transform="translate(${at([0, 0]).map(round)}) rotate(${-round(turn)})" ${fill("forward", 0.06)} ${pen("rule")}/>`);
    const drawn = walks.map(({ path }, k) => {
      const places = path.map((place) => at(place.map((w) => clamp(w, -30, 30))));
      return trace(places, `fill="none" ${paint(k)}`) + dot(...places.at(-1), 5, fill(`series-${k + 1}`));
    });
    return `<clipPath id="valley-${map[2]}">${rect(...map)}</clipPath>` +
      `<g clip-path="url(#valley-${map[2]})">${contours.join("")}${drawn.join("")}</g>${rect(...map, FRAME)}`;
  }

  function distances({ walks }, box) {
    const { x, y, curve } = plane(box, [0, LAST], [-2.7, 0.4]);
    const [left, top, width, height] = box;
    return text(left, top - 12, "distance left", SOFT) + [0, -1, -2].map((power) =>
      line(left, y(power), left + width, y(power), pen("rule", power + 2 ? 1 : 2)) +
      text(left - 8, y(power) + 4, `${10 ** (power + 2)}%`, `${END} ${SOFT}`)).join("") +
      [0, 50, 100].map((t) => text(x(t), top + height + 18, t, `${MIDDLE} ${SOFT}`)).join("") +
      walks.map(({ away }, k) => curve(away.map((share, t) => [t, Math.log10(Math.max(share, 1e-9))]), paint(k))).join("");
  }

  // ---- the handle and words
  const handles = ({ start }, wide) => [spot("start", "Start", start, planeOf(wide), RANGES[0])];
  const from = (state, place) => ({ ...state, start: place.map((w, k) => within(w, RANGES[k])) });
  const onward = (state) => ({ ...state, step: state.step >= LAST ? 0 : state.step + 1 });

  const say = ({ eta, turn, step, walks }) => [
    `distance left after ${fixed(step)} steps, η = ${fixed(eta, 2)}, turned by ${fixed(turn)}°`,
    ...walks.map(({ away, until, diverges }, k) => `${MOVES[k][0]}: ${diverges ? "diverges" : `${fixed(100 * away.at(-1), 1)}%, ${
      until > LATEST ? `not below 1% by step ${LATEST}` : `below 1% from step ${until} on`}`}`),
  ].join("\n");

  define("valley", {
    compute, layoutOf, scene, handles, say,
    drag: (state, name, x, y, wide) => from(state, planeOf(wide).back(x, y)),
    nudge: (state, name, dx, dy) => from(state, stepped(state.start, dx, dy, RANGES[0])),
    sliders: [
      { name: "eta", label: "learning rate η", low: 0.01, high: 0.4, step: 0.01, digits: 2 },
      { name: "step", label: "steps", low: 0, high: LAST },
    ],
    play: { next: onward, ends: ({ step }) => step === LAST, wait: 60 },
    chips: () => [
      { name: "step", label: "One step", to: onward },
      ...[0.02, 0.18, 0.21].map((eta) => ({ name: `rate-${eta}`, label: `η = ${eta}`, to: { eta } })),
      { name: "turn", label: "Turn the valley", to: (state) => ({ ...state, turn: state.turn ? 0 : 30 }) },
    ],
  });
})();
