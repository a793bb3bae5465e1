// Figures that a reader takes hold of.
//
// A kind of figure is an object of functions of its state, given to `smnnFigures.define`:
//
//   start(data)             optional: the first state, from the data of the figure
//   compute(state)          what follows from the state; the tests compare it with the package
//   size(wide, data)        width and height of the drawing in its units, or layoutOf(wide) that has them
//   scene(state, wide)      the drawing as SVG, drawn anew whenever the state changes
//   handles(state, wide)    what can be dragged: name, label, range, value and place of each, and
//                           the value in words, or how many digits it has
//   drag(state, name, x, y, wide)   the state after a handle was dragged to a place
//   nudge(state, name, dx, dy)      the state after so many steps to the right and upward
//   sliders, chips          controls below the drawing; a chip leads to what changes, or to what
//                           a function makes of the state
//   play                    optional: the state after this one, where it ends, milliseconds between
//   say(state)              the same in words
//   over(state, wide)       optional: what lies over the drawing and stays while it changes
//   attend(figure)          optional: what else listens, such as a pad to draw on
//   jumps                   optional: presets come at once, and not on the way there
//
// The build calls `html` in a JavaScript engine of its own, so that the first state is on the
// page without any script; in a browser `define` brings it to life when a reader comes near.
// The drawing is made twice, for the column of text and for a phone, and the style sheet shows
// one of them.

"use strict";

globalThis.smnnFigures = (() => {
  const kinds = {};
  const LAYOUTS = [["wide", true], ["narrow", false]];
  const GLIDE = 350; // milliseconds from one preset to the next
  const [PLAY, STOP] = ["▶ Play", "❚❚ Stop"];

  // ---- words and numbers
  const fixed = (value, digits = 0) =>
    value.toFixed(digits).replace(/^-(0(?:\.0+)?)$/, "$1").replace("-", "−");
  const escape = (text) =>
    String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  // What is dragged: a number, or a row of them, on a grid and in a range.
  const within = (value, [low, high, step]) =>
    value.map?.((part) => within(part, [low, high, step])) ?? clamp(onGrid(value, step), low, high);
  const onGrid = (value, step) => Math.round(value / step) / Math.round(1 / step);
  const text = (x, y, words, more = "") => `<text x="${round(x)}" y="${round(y)}" ${more}>${escape(words)}</text>`;
  const rect = (x, y, width, height, more = "") =>
    `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" ${more}/>`;
  const line = (x1, y1, x2, y2, more = "") =>
    `<path d="M${round(x1)} ${round(y1)}L${round(x2)} ${round(y2)}" ${more}/>`;
  const round = (value) => Math.round(value * 100) / 100;
  // Paint in a color of the style sheet, a circle, and a line through points.
  const pen = (color, width, dashes) =>
    `stroke="var(--${color})"${width ? ` stroke-width="${width}"` : ""}${dashes ? ` stroke-dasharray="${dashes}"` : ""}`;
  const fill = (color, opacity) => `fill="var(--${color})"${opacity != null ? ` fill-opacity="${opacity}"` : ""}`;
  const dot = (x, y, radius, more) => `<circle cx="${round(x)}" cy="${round(y)}" r="${round(radius)}" ${more}/>`;
  const trace = (points, more, end = "") =>
    `<path d="M${points.map((point) => point.map(round).join(" ")).join("L")}${end}" ${more}/>`;
  const HALO = 'paint-order="stroke" stroke="var(--paper)" stroke-width="4" stroke-linejoin="round"';
  const MIDDLE = 'text-anchor="middle"';
  const END = 'text-anchor="end"';
  const SOFT = fill("ink-soft");
  const FRAME = `fill="none" ${pen("rule-strong")}`;
  const SIGNS = ["₁", "₂", "₃"];
  const row = (values, digits) => `(${values.map((value) => fixed(value, digits)).join(", ")})`;

  // The place that is so far from one point on the way to another.
  function placeOn([x1, y1], [x2, y2], far) {
    const share = far / (Math.hypot(x2 - x1, y2 - y1) || 1);
    return [x1 + (x2 - x1) * share, y1 + (y2 - y1) * share];
  }

  // A line with a head at its end, no longer than the line.
  function arrow([x1, y1], [x2, y2], more, size = 9) {
    const away = Math.hypot(x2 - x1, y2 - y1);
    const [dx, dy] = away ? [(x2 - x1) / away, (y2 - y1) / away] : [0, 0];
    const long = Math.min(size, away);
    const ends = [0.55, -0.55].map((across) =>
      `${round(x2 - long * (dx + across * dy))} ${round(y2 - long * (dy - across * dx))}`
    );
    const tip = `${round(x2)} ${round(y2)}`;
    return `<path d="M${round(x1)} ${round(y1)}L${tip}M${ends[0]}L${tip}L${ends[1]}" fill="none" ${more}/>`;
  }

  const sum = (values) => values.reduce((total, value) => total + value, 0);

  // The place in the triangle of all probabilities, which is the mean of its corners.
  const mixed = (shares, corners) => [0, 1].map((axis) => sum(shares.map((share, k) => share * corners[k][axis])));
  const largest = (p) => p.indexOf(Math.max(...p)); // where it is

  function softmax(z, T = 1) {
    const e = z.map((score) => Math.exp((score - Math.max(...z)) / T));
    return e.map((part) => part / sum(e));
  }

  // One step of Adam for a number: what it becomes, and its two means.
  function adamStep(value, slope, mean, square, t, rate) {
    const m = 0.9 * mean + 0.1 * slope;
    const v = 0.999 * square + 0.001 * slope * slope;
    return [value - (rate * (m / (1 - 0.9 ** t))) / (Math.sqrt(v / (1 - 0.999 ** t)) + 1e-8), m, v];
  }

  // What holds for the drawing of the column, or for that of a phone.
  const layouts = (wide, narrow) => (isWide) => (isWide ? wide : narrow);

  // Of two ways that keys go, the one that goes farther.
  const farther = (dx, dy) => (Math.abs(dx) > Math.abs(dy) ? dx : dy);

  // ---- curves and points
  // A box of the drawing, and the ranges of x and y that it shows.
  function plane([left, top, width, height], [x1, x2], [y1, y2]) {
    const x = (value) => left + ((value - x1) / (x2 - x1)) * width;
    const y = (value) => top + ((y2 - value) / (y2 - y1)) * height;

    function axes(xs, ys) {
      const base = top + height;
      const write = (value) => fixed(value, value % 1 ? 1 : 0);
      return line(left, base, left + width, base, 'stroke="var(--rule-strong)"') +
        xs.map((value) => text(x(value), base + 18, write(value), `${MIDDLE} ${SOFT}`)).join("") +
        ys.map((value) => text(left - 8, y(value) + 4, write(value), `text-anchor="end" ${SOFT}`)).join("");
    }

    // A line through points, cut where it leaves the box above or below.
    function curve(points, more) {
      const cut = ([a, b], [c, d]) => {
        const edge = clamp(b, y1, y2);
        return [x(b === edge ? a : a + ((c - a) * (edge - b)) / (d - b)), y(edge)].map(round);
      };
      let path = "";
      let last = "";
      points.slice(1).forEach((to, k) => {
        const from = points[k];
        if (Math.max(from[1], to[1]) < y1 || Math.min(from[1], to[1]) > y2) return;
        const [start, end] = [cut(from, to).join(" "), cut(to, from).join(" ")];
        path += `${start === last ? "" : `M${start}`}L${end}`;
        last = end;
      });
      return `<path d="${path}" fill="none" ${more}/>`;
    }

    return {
      x, y, axes, curve, at: ([a, b]) => [x(a), y(b)],
      back: (a, b) => [x1 + ((a - left) / width) * (x2 - x1), y2 - ((b - top) / height) * (y2 - y1)],
    };
  }

  // A place in a plane as a handle, which has the first of its coordinates as value.
  function spot(name, label, place, shown, range) {
    const [x, y] = shown.at(place);
    const [x1, x2] = place.map((value) => fixed(value, 2));
    return { name, label, range, value: place[0], words: `x₁ = ${x1}, x₂ = ${x2}`, x, y };
  }

  // The place so many steps of the keys farther.
  const stepped = (place, dx, dy, range) => within([place[0] + dx * range[2], place[1] + dy * range[2]], range);

  // The part of a polygon where a function is at least zero.
  const clipped = (polygon, value) => polygon.flatMap((point, k) => {
    const next = polygon[(k + 1) % polygon.length];
    const [a, b] = [value(point), value(next)];
    const cut = a * b < 0 ? [point.map((part, axis) => part + (a / (a - b)) * (next[axis] - part))] : [];
    return a >= 0 ? [point, ...cut] : cut;
  });

  // The classes of points have colors and shapes.
  function points(places, classes, size) {
    const shapes = [
      `m${-size} 0a${size} ${size} 0 1 0 ${2 * size} 0a${size} ${size} 0 1 0 ${-2 * size} 0z`,
      `m${-size} ${-size}h${2 * size}v${2 * size}h${-2 * size}z`,
      `m0 ${-1.2 * size}l${1.2 * size} ${2.1 * size}h${-2.4 * size}z`,
    ];
    return shapes.map((shape, k) => {
      const path = places.filter((_, n) => classes[n] === k).map(([x, y]) => `M${round(x)} ${round(y)}${shape}`).join("");
      return path && `<path d="${path}" fill="var(--class-${k + 1})" stroke="var(--paper)" stroke-width="0.7"/>`;
    }).join("");
  }

  // Where a x + b y + c = 0 enters and leaves a square.
  function crossing(a, b, c, low, high) {
    const ends = [];
    for (const edge of [low, high]) {
      if (b) ends.push([edge, -(a * edge + c) / b]);
      if (a) ends.push([-(b * edge + c) / a, edge]);
    }
    const inside = ends.filter((end) => end.every((value) => value >= low - 1e-9 && value <= high + 1e-9));
    return inside.length < 2 ? null : [inside[0], inside.at(-1)];
  }

  // ---- numbers as bars to drag, no farther than `most` either way
  function bars(key, label, most, step) {
    const order = (name) => name.slice(key.length) - 1;
    const range = [-most, most, step];
    const moved = (state, name, value) => ({ ...state, [key]: state[key].with(order(name), within(value, range)) });

    // As far as there is room: a shift of all must not be cut for one of them.
    function shifted(state, by) {
      const room = clamp(by, -most - Math.min(...state[key]), most - Math.max(...state[key]));
      return { ...state, [key]: state[key].map((value) => onGrid(value + room, step)) };
    }

    return {
      handles: (state, { columns, zero, unit }) => state[key].map((value, k) => ({
        name: `${key}${k + 1}`, label: `${label}${SIGNS[k]}`, along: "y", range, value, digits: 1,
        x: columns[k], y: zero - value * unit,
      })),
      drag: (state, name, y, { zero, unit }) => moved(state, name, (zero - y) / unit),
      nudge: (state, name, dx, dy) => moved(state, name, state[key][order(name)] + farther(dx, dy) * step),
      chips: (by, of) => [
        { name: "raise", label: `+${by} to all${of}`, to: (state) => shifted(state, by) },
        { name: "lower", label: `−${by} to all${of}`, to: (state) => shifted(state, -by) },
      ],
    };
  }

  // Three shares as one bar, and their numbers below it.
  function shareBar(p, [x, y, width, height], down, write = (share) => fixed(share, 3)) {
    let from = x;
    return p.map((share, k) => {
      const part = share > 0 && share <= 1 ? rect(from, y, share * width, height, fill(`class-${k + 1}`)) : "";
      from += share * width;
      return part + text(x + (width * k) / 2, y + down, `p${SIGNS[k]} = ${write(share)}`,
        `text-anchor="${["start", "middle", "end"][k]}" ${fill(`class-${k + 1}-text`)}`);
    }).join("");
  }

  // The triangle of all probabilities, and the names of its corners.
  const triangleOf = (corners) => trace(corners, FRAME, "Z") + corners.map(([x, y], k) =>
    text(x, y + (k < 2 ? 18 : -9), k + 1, `${MIDDLE} ${HALO} ${fill(`class-${k + 1}-text`)}`)).join("");

  // Three scores as such bars, with their numbers and names.
  const scores = {
    ...bars("z", "Score z", 4, 0.1),
    draw({ z }, { columns, zero, unit, width, floor }) {
      const each = z.map((score, k) =>
        rect(columns[k] - width / 2, zero - Math.max(score, 0) * unit, width, Math.abs(score) * unit, `fill="var(--class-${k + 1})"`) +
        text(columns[k], floor + 20, fixed(score, 1), MIDDLE) +
        text(columns[k], floor + 37, `z${SIGNS[k]}`, `${MIDDLE} fill="var(--class-${k + 1}-text)"`)
      );
      return text(columns[0] - 24, 16, "scores: drag them", SOFT) + each.join("") +
        line(columns[0] - 24, zero, columns[2] + 24, zero, 'stroke="var(--rule-strong)"');
    },
  };

  // ---- what the build writes
  function handleHtml(handle) {
    return (
      `<g class="handle" role="slider" tabindex="0" data-name="${handle.name}"${attributes(handle)}` +
      ` transform="translate(${round(handle.x)} ${round(handle.y)})">` +
      `<circle class="handle-reach" r="22"/><circle class="handle-knob" r="8"/></g>`
    );
  }

  const ariaOf = ({ label, along, range: [low, high], value, digits, words = fixed(value, digits) }) => ({
    "aria-label": label,
    "aria-orientation": along === "y" ? "vertical" : "horizontal",
    "aria-valuemin": low,
    "aria-valuemax": high,
    "aria-valuenow": round(value),
    "aria-valuetext": words,
  });

  const attributes = (handle) =>
    Object.entries(ariaOf(handle)).map(([name, value]) => ` ${name}="${escape(value)}"`).join("");

  function svgHtml(kind, state, [name, wide]) {
    const [width, height] = kind.size(wide, state);
    const handles = kind.handles ? kind.handles(state, wide) : [];
    return (
      `<svg class="${name}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">` +
      `<g class="scene" aria-hidden="true">${kind.scene(state, wide)}</g>` +
      `${handles.map(handleHtml).join("")}${kind.over?.(state, wide) ?? ""}</svg>`
    );
  }

  function sliderHtml(name, slider, state) {
    const identity = `${name}-${slider.name}`;
    return (
      `<div class="interactive-slider"><label for="${identity}">${escape(slider.label)}</label>` +
      `<span class="interactive-value" aria-hidden="true">${wordsOf(slider, state)}</span>` +
      `<input id="${identity}" type="range" name="${slider.name}" min="${slider.low}"` +
      ` max="${highest(slider, state)}" step="${slider.step ?? 1}" value="${state[slider.name]}"` +
      ` aria-valuetext="${wordsOf(slider, state)}" autocomplete="off"></div>`
    );
  }

  const wordsOf = ({ name, digits }, state) => fixed(state[name], digits);
  const highest = ({ high }, state) => (typeof high === "function" ? high(state) : high);

  function chipsHtml(label, chips) {
    const buttons = chips.map(
      (chip) => `<button type="button" class="chip" data-chip="${chip.name}"` +
        `${chip.says ? ` aria-label="${escape(chip.says)}"` : ""}>${chip.html ?? escape(chip.label)}</button>`
    );
    return `<div class="chips" role="group" aria-label="${escape(label)}">${buttons.join("")}</div>`;
  }

  const examplesHtml = (label, chips) =>
    `<div class="draggable-examples"><p aria-hidden="true">${escape(label)}</p>${chipsHtml(label, chips)}</div>`;

  function html(name, kindName, data) {
    const kind = kinds[kindName];
    const state = completed(kind, kind.start(data));
    const play = kind.play ? [{ name: "play", label: PLAY }] : [];
    const chips = [...play, ...(kind.chips?.(data) ?? []), { name: "reset", label: "Reset" }];
    const plain = chips.filter((chip) => !chip.html);
    const pictures = chips.filter((chip) => chip.html);
    const sliders = (kind.sliders ?? []).map((slider) => sliderHtml(name, slider, state));
    return (
      `<div class="draggable-drawing">${LAYOUTS.map((one) => svgHtml(kind, state, one)).join("")}</div>` +
      `<div class="draggable-controls">${chipsHtml("Presets", plain)}${sliders.join("")}</div>` +
      `${pictures.length ? examplesHtml(kind.examples, pictures) : ""}` +
      `<p class="interactive-readout" role="status">${escape(kind.say(state))}</p>`
    );
  }

  // The first state alone, for a live notebook.
  function svg(kindName, data) {
    const kind = kinds[kindName];
    const state = completed(kind, kind.start(data));
    const [width, height] = kind.size(true, state);
    const knobs = (kind.handles?.(state, true) ?? []).map(({ x, y }) => `<circle cx="${round(x)}" cy="${round(y)}" r="6"/>`);
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}"` +
      ` height="${height}" font-family="sans-serif" font-size="13">${kind.scene(state, true)}` +
      `${knobs.join("")}</svg>`
    );
  }

  // The state after a chip, which is a function of it, or what changes.
  const after = (state, to) => (typeof to === "function" ? to(state) : { ...state, ...to });
  const completed = (kind, state) => ({ ...state, ...kind.compute(state) });

  // ---- what the page does
  function enliven(root, kind) {
    const data = JSON.parse(root.querySelector("script").textContent);
    const drawings = LAYOUTS.map(([name, wide]) => ({ svg: root.querySelector(`svg.${name}`), wide }));
    const readout = root.querySelector(".interactive-readout");
    const sliders = kind.sliders ?? [];
    const inputs = sliders.map((slider) => root.querySelector(`input[name="${slider.name}"]`));
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    const figure = { root, data, drawings, set, glide, get state() { return root.smnnState; } };
    let gliding = 0;

    function show() {
      const state = root.smnnState;
      // Asked before anything changes: the answer would need a layout.
      const shown = drawings.filter(({ svg }) => svg.getClientRects().length);
      for (const { svg, wide } of shown) {
        svg.querySelector(".scene").innerHTML = kind.scene(state, wide);
        for (const handle of kind.handles?.(state, wide) ?? []) place(svg, handle);
      }
      const words = kind.say(state);
      if (readout.textContent !== words) readout.textContent = words;
      sliders.forEach((slider, k) => {
        inputs[k].value = state[slider.name];
        const said = wordsOf(slider, state);
        if (inputs[k].getAttribute("aria-valuetext") === said) return;
        inputs[k].setAttribute("aria-valuetext", said);
        inputs[k].parentElement.querySelector(".interactive-value").textContent = said;
      });
    }

    function place(svg, handle) {
      const knob = svg.querySelector(`.handle[data-name="${handle.name}"]`);
      knob.setAttribute("transform", `translate(${round(handle.x)} ${round(handle.y)})`);
      for (const [name, value] of Object.entries(ariaOf(handle))) knob.setAttribute(name, value);
    }

    // What a reader does ends what plays.
    function set(state) {
      stop();
      follow(state);
    }

    function follow(state) {
      cancelAnimationFrame(gliding);
      root.smnnState = completed(kind, state);
      show();
    }

    let playing = 0;
    const playButton = root.querySelector('.chip[data-chip="play"]');

    function stop() {
      if (!playing) return;
      clearTimeout(playing);
      playing = 0;
      playButton.textContent = PLAY;
      readout.ariaLive = "polite";
    }

    function playOn() {
      follow(kind.play.next(root.smnnState));
      if (kind.play.ends(root.smnnState)) stop();
      else playing = setTimeout(playOn, kind.play.wait);
    }

    playButton?.addEventListener("click", () => {
      if (playing) return stop();
      playButton.textContent = STOP;
      readout.ariaLive = "off"; // nobody can listen so fast
      playing = setTimeout(playOn);
    });

    // Numbers and rows of numbers move there; all else changes at once.
    function glide(to) {
      stop();
      if (calm.matches || kind.jumps) return set(to);
      const from = root.smnnState;
      const begin = performance.now();
      const between = (a, b, share) => {
        if (Array.isArray(b)) return b.map((part, k) => between(a[k], part, share));
        return typeof b === "number" && typeof a === "number" ? a + (b - a) * share : b;
      };
      const step = (now) => {
        const share = clamp((now - begin) / GLIDE, 0, 1);
        if (share === 1) return set(to);
        const eased = share * share * (3 - 2 * share);
        root.smnnState = completed(kind, between(from, to, eased));
        show();
        gliding = requestAnimationFrame(step);
      };
      cancelAnimationFrame(gliding);
      gliding = requestAnimationFrame(step);
    }

    for (const drawing of drawings) {
      for (const knob of drawing.svg.querySelectorAll(".handle")) attach(drawing, knob);
    }

    function attach({ svg, wide }, knob) {
      const name = knob.dataset.name;
      stayPut(knob);
      let held = name; // where handles are close together, the nearest
      let off = [0, 0]; // from the pointer to its middle
      knob.addEventListener("pointerdown", (event) => {
        const [x, y] = placeIn(svg, event);
        const away = (handle) => Math.hypot(handle.x - x, handle.y - y);
        const handle = kind.handles(root.smnnState, wide).reduce((a, b) => (away(b) < away(a) ? b : a));
        held = handle.name;
        off = [handle.x - x, handle.y - y];
        knob.setPointerCapture(event.pointerId);
        svg.querySelector(`.handle[data-name="${held}"]`).focus({ preventScroll: true });
        event.preventDefault();
      });
      knob.addEventListener("pointermove", (event) => {
        if (!knob.hasPointerCapture(event.pointerId)) return;
        const [x, y] = placeIn(svg, event);
        set(kind.drag(root.smnnState, held, x + off[0], y + off[1], wide));
      });
      knob.addEventListener("keydown", (event) => {
        const far = { PageUp: [0, 10], PageDown: [0, -10], Home: [-1e6, -1e6], End: [1e6, 1e6] };
        const near = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] };
        const move = far[event.key] ?? near[event.key];
        if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        set(kind.nudge(root.smnnState, name, ...move));
      });
    }

    sliders.forEach((slider, k) => {
      inputs[k].addEventListener("input", () => set({ ...root.smnnState, [slider.name]: inputs[k].valueAsNumber }));
    });
    const chips = new Map((kind.chips?.(data) ?? []).map((chip) => [chip.name, chip.to]));
    chips.set("reset", () => kind.start(data));
    for (const button of root.querySelectorAll('.chip:not([data-chip="play"])')) {
      button.addEventListener("click", () => glide(after(root.smnnState, chips.get(button.dataset.chip))));
    }
    matchMedia("(max-width: 40rem)").addEventListener("change", show);
    // its first state is on the page already
    root.smnnState = completed(kind, kind.start(data));
    kind.attend?.(figure);
    root.classList.add("is-alive");
  }

  // A finger on it moves it and not the page.
  function stayPut(element) {
    element.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  }

  // Where an event is, in the units of a drawing.
  const placeIn = (svg, event) => placesIn(svg, [event])[0];

  // To ask where a drawing is takes longer than all else here, so it is asked once.
  function placesIn(svg, events) {
    const inside = svg.getScreenCTM().inverse();
    return events.map(({ clientX, clientY }) => {
      const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(inside);
      return [x, y];
    });
  }

  function define(name, kind) {
    kinds[name] = kind = { start: (data) => ({ ...data }), size: (wide) => kind.layoutOf(wide).size, ...kind };
    if (typeof document === "undefined") return;
    for (const root of document.querySelectorAll(`.draggable[data-kind="${name}"]`)) whenNear(root, () => enliven(root, kind));
  }

  // Nothing is done for a figure before it is near the window.
  function whenNear(element, begin) {
    const watch = new IntersectionObserver((seen) => {
      if (!seen.some((one) => one.isIntersecting)) return;
      watch.disconnect();
      begin();
    }, { rootMargin: "400px" });
    watch.observe(element);
  }

  const compute = (name, state) => kinds[name].compute(state);

  return {
    END, FRAME, HALO, MIDDLE, SIGNS, SOFT, adamStep, arrow, bars, clamp, clipped, compute, crossing, define,
    dot, farther, fill, fixed, html, largest, layouts, line, mixed, onGrid, pen, placeIn, placeOn, placesIn,
    plane, points, rect, round, row, scores, shareBar, softmax, spot, stayPut, stepped, sum, svg, text, trace,
    triangleOf, within,
  };
})();
