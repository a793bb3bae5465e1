// A pad to draw a digit on, and a network that answers at every stroke: the image it gets, its
// 128 hidden units, its ten probabilities.  The weights are kept results, in `digit_pad.json`.

"use strict";

(() => {
  const {
    FRAME, MIDDLE, SOFT, clamp, define, fill, fixed, largest, layouts, line, pen, placeIn,
    placesIn, rect, round, softmax, stayPut, text,
  } = smnnFigures;
  const SIDE = 28; // pixels of an image
  const BOX = 20; // MNIST fits a digit into so many, and centers its mass
  const RADIUS = 1.2; // half the width of a stroke, in pixels of the image
  const PAD = 200; // units of the drawing
  const SMALLEST = 30; // a stroke that is shorter is a dot and is not blown up
  const LEVELS = 8; // of ink in a drawing of squares
  const KEY_STEP = 5; // units that an arrow moves the pen

  const layoutOf = layouts(
    { size: [608, 232], pad: [0, 26], view: [218, 26, 4], hidden: [352, 26, 8, 12.5], bars: [478, 26, 46] },
    { size: [340, 384], pad: [0, 26], view: [0, 268, 4], hidden: [130, 268, 16, 13.1], bars: [216, 26, 40] },
  );

  // ---- the network
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const network = read(globalThis.smnnFiguresKept);

  function read({ scales, W1, b1, W2, b2, mistakes }) {
    const units = b1.length;
    const value = new Map([...ALPHABET].map((letter, k) => [letter.charCodeAt(), k - 32]));
    const weights = new Float64Array(W1.length);
    for (let k = 0; k < W1.length; k += 1) weights[k] = value.get(W1.charCodeAt(k)) * scales[k % units];
    return { units, weights, b1, W2, b2, mistakes: mistakes.map((one) => ({ ...one, pixels: fromHex(one.pixels) })) };
  }

  function fromHex(digits) {
    return Array.from({ length: SIDE * SIDE }, (_, k) => parseInt(digits.slice(2 * k, 2 * k + 2), 16));
  }

  function answer(image, T) {
    const { units, weights, b1, W2, b2 } = network;
    const a = Float64Array.from(b1);
    image.forEach((ink, pixel) => {
      if (!ink) return;
      const row = pixel * units;
      for (let j = 0; j < units; j += 1) a[j] += ink * weights[row + j];
    });
    const hidden = Array.from(a, (value) => Math.max(value, 0));
    const z = b2.map((bias, k) => hidden.reduce((sum, h, j) => sum + h * W2[j][k], bias));
    return { hidden, z, p: softmax(z, T) };
  }

  // ---- from strokes to an image, as MNIST makes its own
  function imageOf(strokes) {
    const points = strokes.flat();
    if (!points.length) return new Array(SIDE * SIDE).fill(0);
    const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
    const ends = [xs, ys].map((all) => [Math.min(...all), Math.max(...all)]);
    const extent = Math.max(SMALLEST, ...ends.map(([low, high]) => high - low));
    const scale = (BOX - 2 * RADIUS) / extent;
    const middle = ends.map(([low, high]) => (low + high) / 2);
    const scaled = strokes.map((stroke) =>
      stroke.map((point) => point.map((value, axis) => SIDE / 2 + (value - middle[axis]) * scale))
    );
    return centered(inked(scaled));
  }

  // How much ink a round pen leaves in each pixel.
  function inked(strokes) {
    const image = new Array(SIDE * SIDE).fill(0);
    const reach = RADIUS + 0.5;
    for (const stroke of strokes) {
      stroke.forEach(([x2, y2], k) => {
        const [x1, y1] = stroke[Math.max(k - 1, 0)];
        const [dx, dy] = [x2 - x1, y2 - y1];
        const square = dx * dx + dy * dy;
        const [left, right] = [Math.min(x1, x2) - reach, Math.max(x1, x2) + reach];
        const [top, bottom] = [Math.min(y1, y2) - reach, Math.max(y1, y2) + reach];
        for (let row = Math.max(0, Math.floor(top)); row < Math.min(SIDE, bottom); row += 1) {
          for (let column = Math.max(0, Math.floor(left)); column < Math.min(SIDE, right); column += 1) {
            const [x, y] = [column + 0.5 - x1, row + 0.5 - y1];
            const along = square ? clamp((x * dx + y * dy) / square, 0, 1) : 0;
            const away = Math.hypot(x - along * dx, y - along * dy);
            const ink = Math.round(255 * clamp(reach - away, 0, 1)) / 255;
            image[row * SIDE + column] = Math.max(image[row * SIDE + column], ink);
          }
        }
      });
    }
    return image;
  }

  // The center of mass goes to the middle of the image, by whole pixels.
  function centered(image) {
    let [mass, x, y] = [0, 0, 0];
    image.forEach((ink, k) => {
      mass += ink;
      x += ink * ((k % SIDE) + 0.5);
      y += ink * (Math.floor(k / SIDE) + 0.5);
    });
    const [right, down] = [x, y].map((moment) => Math.round(SIDE / 2 - moment / mass));
    return image.map((_, k) => {
      const [row, column] = [Math.floor(k / SIDE) - down, (k % SIDE) - right];
      const inside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
      return inside ? image[row * SIDE + column] : 0;
    });
  }

  function compute({ strokes, pixels, T }) {
    const image = pixels ? pixels.map((ink) => ink / 255) : imageOf(strokes);
    return { image, ...answer(image, T) };
  }

  // ---- the drawing
  // Squares as a few paths, one for each level of ink.
  function squaresHtml(squares, size, color) {
    const paths = Array.from({ length: LEVELS + 1 }, () => "");
    for (const [x, y, ink] of squares) {
      const level = Math.round(ink * LEVELS);
      if (level) paths[level] += `M${round(x)} ${round(y)}h${round(size)}v${round(size)}h-${round(size)}z`;
    }
    return paths
      .map((path, level) => path && `<path d="${path}" ${fill(color, round(level / LEVELS))}/>`)
      .join("");
  }

  const pixelsHtml = (image, left, top, size) =>
    squaresHtml(image.map((ink, k) => [left + (k % SIDE) * size, top + Math.floor(k / SIDE) * size, ink]), size, "ink");

  const frame = (x, y, width, height) =>
    rect(x, y, width, height, FRAME);

  function scene(state, wide) {
    const at = layoutOf(wide);
    const [x, y, size] = at.view;
    return (
      drawn(state, at.pad) + frame(...at.pad, PAD, PAD) +
      pixelsHtml(state.image, x, y, size) + frame(x, y, SIDE * size, SIDE * size) +
      (wide ? text(x, y + 132, "centered, scaled", SOFT) + text(x, y + 149, "as MNIST does it", SOFT) : "") +
      (wide ? threads(state, at) : "") + units(state, at) + bars(state, at)
    );
  }

  function drawn({ strokes, pixels }, [x, y]) {
    if (pixels) return pixelsHtml(pixels.map((ink) => ink / 255), x, y, PAD / SIDE);
    if (!strokes.length) return text(x + PAD / 2, y + PAD / 2, "Draw a digit here", `${MIDDLE} ${SOFT}`);
    const paths = strokes.map((stroke) => smooth(stroke.map(([a, b]) => [round(a + x), round(b + y)])));
    return (
      `<path d="${paths.map((path) => `${path}h.01`).join("")}" fill="none" ${pen("ink")}` +
      ` stroke-width="15" stroke-linecap="round" stroke-linejoin="round"/>`
    );
  }

  // A curve that turns at the middles between the points, and touches the lines at them.
  function smooth(points) {
    const turns = points.slice(1, -1).map(([x, y], k) => {
      const [nextX, nextY] = points[k + 2];
      return `Q${x} ${y} ${round((x + nextX) / 2)} ${round((y + nextY) / 2)}`;
    });
    return `M${points[0].join(" ")}${turns.join("")}L${points.at(-1).join(" ")}`;
  }

  const unitPlace = (j, [x, y, columns, pitch]) => [x + (j % columns) * pitch, y + Math.floor(j / columns) * pitch];

  function units({ hidden }, at) {
    const [x, y, columns, pitch] = at.hidden;
    const most = Math.max(1, ...hidden);
    const squares = hidden.map((h, j) => [...unitPlace(j, at.hidden).map((place) => place + 1), h && Math.max(h / most, 1 / LEVELS)]);
    return frame(x, y, columns * pitch, (hidden.length / columns) * pitch) + squaresHtml(squares, pitch - 2, "forward");
  }

  // What speaks for the answer most: from a hidden unit to its bar.
  function threads({ hidden, p }, at) {
    const best = largest(p);
    const [x, y] = at.bars;
    const parts = hidden.map((h, j) => [h * network.W2[j][best], j]).sort((a, b) => b[0] - a[0]).slice(0, 8);
    const most = parts[0][0];
    return parts.filter(([part]) => part > 0).map(([part, j]) => {
      const [left, top] = unitPlace(j, at.hidden);
      const right = at.hidden[0] + at.hidden[2] * at.hidden[3];
      const [from, to] = [top + at.hidden[3] / 2, y + 20 * best + 10];
      return (
        line(left + at.hidden[3], from, right, from, pen("forward", 0.7)) +
        `<path d="M${round(right)} ${round(from)}C${right + 14} ${round(from)} ${x - 22} ${to} ${x - 4} ${to}"` +
        ` fill="none" ${pen("forward", round(0.9 + 2 * (part / most)))}/>`
      );
    }).join("");
  }

  function bars({ p }, at) {
    const [x, y, width] = at.bars;
    const best = largest(p);
    return p.map((share, k) => {
      const middle = y + 20 * k + 10;
      const weight = k === best ? 'font-weight="700"' : "";
      return (
        text(x, middle + 4.5, k, weight) +
        rect(x + 14, middle - 7, Math.max(share * width, 1), 14, fill("forward")) +
        text(x + 20 + share * width, middle + 4.5, percent(share), weight)
      );
    }).join("");
  }

  const percent = (share) => (share >= 0.9995 || share < 0.0005 ? (share > 0.5 ? "> 99.9%" : "") : `${fixed(100 * share, 1)}%`);

  // What stays while the drawing changes: names that lead to chapters, and what is drawn on.
  function over({ links }, wide) {
    const at = layoutOf(wide);
    const names = [
      [at.pad, "draw", ""],
      [at.view, "28 × 28 pixels", links.pixels],
      [at.hidden, "128 hidden units", links.hidden],
      [at.bars, "softmax", links.softmax],
    ];
    const labels = names.map(([[x, y], words, address]) => {
      const label = text(x, y - 9, words, address ? fill("forward") : SOFT);
      return address ? `<a href="${address}">${label}</a>` : label;
    });
    const [x, y] = at.pad;
    return (
      `${labels.join("")}<g class="pad" role="application" tabindex="0" aria-label="Pad for a digit:` +
      ` draw with a pointer, or move the pen with the arrows, and lower or lift it with the space bar">` +
      `${rect(x, y, PAD, PAD, 'class="pad-reach"')}<circle class="pen" cx="${x + 100}" cy="${y + 40}" r="7"/></g>`
    );
  }

  // ---- drawing
  function attend(figure) {
    for (const { svg, wide } of figure.drawings) {
      const pad = svg.querySelector(".pad");
      const [left, top] = layoutOf(wide).pad;
      stayPut(pad);
      const pen = { at: [100, 40], isDown: false };
      const inside = ([x, y]) => [clamp(x - left, 0, PAD), clamp(y - top, 0, PAD)];

      const begin = (point) => {
        const strokes = figure.state.isOwn ? figure.state.strokes : []; // an example gives way
        figure.set({ ...figure.state, strokes: [...strokes, [point]], pixels: null, label: null, isOwn: true });
      };
      const goOn = (points) => {
        const strokes = figure.state.strokes;
        figure.set({ ...figure.state, strokes: strokes.with(-1, [...strokes.at(-1), ...points]) });
      };
      const lower = (isDown) => {
        pen.isDown = isDown;
        pad.classList.toggle("is-down", isDown);
      };

      pad.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        pad.setPointerCapture(event.pointerId);
        lower(false);
        begin(inside(placeIn(svg, event)));
        event.preventDefault();
      });
      pad.addEventListener("pointermove", (event) => {
        if (!pad.hasPointerCapture(event.pointerId)) return;
        const all = event.getCoalescedEvents?.() ?? [];
        goOn(placesIn(svg, all.length ? all : [event]).map(inside));
      });
      pad.addEventListener("keydown", (event) => {
        const ways = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] };
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        if (ways[event.key]) {
          pen.at = pen.at.map((value, axis) => clamp(value + KEY_STEP * ways[event.key][axis], 0, PAD));
          pad.querySelector(".pen").setAttribute("cx", left + pen.at[0]);
          pad.querySelector(".pen").setAttribute("cy", top + pen.at[1]);
          if (pen.isDown && figure.state.isOwn && figure.state.strokes.length) goOn([pen.at]);
        } else if (event.key === " ") {
          lower(!pen.isDown);
          if (pen.isDown) begin(pen.at);
        } else return;
        event.preventDefault();
      });
      pad.addEventListener("blur", () => lower(false));
    }
  }

  // ---- controls and words
  function thumbnail(pixels) {
    let path = "";
    for (let row = 0; row < SIDE; row += 1) {
      const dark = pixels.slice(row * SIDE, (row + 1) * SIDE).map((ink) => (ink > 100 ? "x" : " ")).join("");
      for (const run of dark.matchAll(/x+/g)) path += `M${run.index} ${row}h${run[0].length}v1h-${run[0].length}z`;
    }
    return `<svg viewBox="3 3 22 22" width="30" height="30" aria-hidden="true"><path d="${path}"/></svg>`;
  }

  function chips() {
    return [
      { name: "clear", label: "Clear", to: { strokes: [], pixels: null, label: null, isOwn: true } },
      ...network.mistakes.map(({ pixels, label, said, sure }, k) => ({
        name: `mistake-${k}`,
        html: thumbnail(pixels),
        says: `A ${label} that it read as ${said}, ${percent(sure)} sure`,
        to: { pixels, label, strokes: [], isOwn: false },
      })),
    ];
  }

  function say({ p, T, hidden, label, strokes, pixels }) {
    const order = p.map((_, k) => k).sort((a, b) => p[b] - p[a]);
    const [first, second, third] = order.map((k) => `${k} (${percent(p[k]) || "< 0.1%"})`);
    const lit = hidden.filter((h) => h > 0).length;
    const begin = label != null ? `Whoever wrote this meant a ${label}. ` : "";
    const empty = !pixels && !strokes.length ? "The pad is empty, and there is an answer all the same. " : "";
    return (
      `${begin}${empty}It reads ${first}, then ${second} and ${third}, at temperature ${fixed(T, 1)}.\n` +
      `${lit} of its ${hidden.length} hidden units are active.`
    );
  }

  const drawOf = ({ strokes, links }) => ({ strokes, links, pixels: null, label: null, T: 1, isOwn: false });

  define("digit-pad", {
    start: drawOf, compute, layoutOf, scene, over, attend, chips, say, jumps: true,
    examples: "Ten mistakes that it was surest of",
    sliders: [{ name: "T", label: "temperature T", low: 0.2, high: 8, step: 0.1, digits: 1 }],
  });
})();
