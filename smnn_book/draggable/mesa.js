// Where the exponential of a float type works: a mesa with a cliff on its right, and three scores
// that walk on it together, as they are and with the largest subtracted.

"use strict";

(() => {
  const {
    END, HALO, MIDDLE, SOFT, arrow, clamp, define, dot, farther, fill, fixed, layouts, pen, rect,
    round, shareBar, text, within,
  } = smnnFigures;
  const RANGE = [-1000, 1000, 0.5];
  const FAR = 6000; // of the map, either way

  // Significant bits, the smallest exponent of two, the largest number, how a number is rounded,
  // and how a sum is while it grows: that of float16 is added up in float32.
  const asIs = (value) => value;
  const TYPES = {
    float16: { bits: 11, least: -24, most: 65504, to: half, adds: Math.fround },
    float32: { bits: 24, least: -149, most: 3.4028234663852886e38, to: Math.fround, adds: Math.fround },
    float64: { bits: 53, least: -1074, most: Number.MAX_VALUE, to: asIs, adds: asIs },
  };

  // Round to half precision: to the nearest, and between two to the even one.
  function half(value) {
    const size = Math.abs(value);
    if (!(size < 65520)) return size >= 65520 ? Math.sign(value) * Infinity : value;
    const unit = 2 ** Math.max(-24, Math.floor(Math.log2(size)) - 10);
    const [low, over] = [Math.floor(size / unit), (size / unit) % 1];
    const up = over > 0.5 || (over === 0.5 && low % 2 === 1);
    return Math.sign(value) * (low + up) * unit;
  }

  const layoutOf = layouts(
    { size: [608, 350], map: [0, 30, 608, 190], bars: [[0, 292, 290], [318, 292, 290]] },
    { size: [340, 450], map: [0, 30, 340, 190], bars: [[0, 292, 340], [0, 384, 340]] },
  );

  // ---- softmax in a float type, every step rounded
  function shares(scores, { to, adds }) {
    const e = scores.map((score) => to(Math.exp(score)));
    const total = to(e.reduce((sum, part) => adds(sum + part)));
    return { e, total, p: e.map((part) => to(part / total)) };
  }

  function compute({ z, shift, type }) {
    const { to } = TYPES[type];
    const moved = z.map((score) => to(score + shift));
    const largest = Math.max(...moved);
    const lowered = moved.map((score) => to(score - largest));
    return { moved, lowered, plain: shares(moved, TYPES[type]), safe: shares(lowered, TYPES[type]) };
  }

  // ---- the map, stretched around 0
  const stretch = (x) => Math.asinh(x / 3);
  const across = (x, [left, , width]) => left + (width * (stretch(x) + stretch(FAR))) / (2 * stretch(FAR));
  const backTo = (place, [left, , width]) => 3 * Math.sinh((2 * (place - left) * stretch(FAR)) / width - stretch(FAR));

  // How many significant bits exp(x) has.
  function bitsAt(x, { bits, least, most }) {
    if (x > Math.log(most)) return 0;
    return clamp(Math.floor(x / Math.LN2 - least) + 1, 0, bits);
  }

  const up = (bits, [, top, , height]) => top + height * (1 - bits / 58);

  function scene(state, wide) {
    const at = layoutOf(wide);
    const [left, top, width, height] = at.map;
    const zero = across(0, at.map);
    return (
      rect(left, top, zero - left, height, fill("panel")) +
      text(left + 4, top - 12, `bits of exp(z) in ${state.type}`, SOFT) +
      Object.keys(TYPES).map((type) => mesa(type, state.type, at.map)).join("") +
      ticks(at.map, wide) + dots(state, at.map) +
      shareBars("as they are", state.plain, at.bars[0]) +
      shareBars("the largest subtracted", state.safe, at.bars[1])
    );
  }

  function mesa(type, chosen, map) {
    const { bits, least, most } = TYPES[type];
    const stairs = Array.from({ length: bits }, (_, k) => [Math.LN2 * (least + k), k + 1]);
    const path = stairs.map(([x, height]) => `H${round(across(x, map))}V${round(up(height, map))}`).join("");
    const cliff = round(across(Math.log(most), map));
    const isChosen = type === chosen;
    const label = isChosen
      ? text(cliff - 7, up(bits, map) + 23, `inf above ${fixed(Math.log(most), 2)}`, `${END} ${HALO}`)
      : "";
    return (
      `<path d="M${round(across(stairs[0][0], map))} ${round(up(0, map))}${path}H${cliff}V${round(up(0, map))}"` +
      ` ${fill("forward", isChosen ? 0.14 : 0.04)} ${pen(isChosen ? "forward" : "rule-strong")}` +
      ` stroke-width="${isChosen ? 2.5 : 1}"/>${label}`
    );
  }

  function ticks(map, wide) {
    const [left, , width] = map;
    const base = up(0, map);
    const all = wide ? [-1000, -100, -10, 0, 10, 100, 1000] : [-1000, -10, 0, 10, 1000];
    return `<path d="M${left} ${round(base)}h${width}" ${pen("rule-strong")}/>` +
      all.map((x) => text(across(x, map), base + 18, fixed(x, 0), `${MIDDLE} ${SOFT}`)).join("");
  }

  // A score stands on the mesa, falls off the cliff, or sinks into 0.
  function dots({ moved, lowered, type }, map) {
    const height = (score) => up(bitsAt(score, TYPES[type]), map);
    const top = map[1] + 6;
    const [from, to] = [across(Math.max(...moved), map), across(0, map)];
    const way = Math.abs(from - to) > 30 ? arrow([from, top], [to, top], pen("ink-soft", 1.5)) : "";
    return way + [[lowered, false], [moved, true]].map(([scores, isPlain]) => scores.map((score, k) => {
      const [x, y] = [round(across(score, map)), round(height(score))];
      return dot(x, y, 6, `${pen(`class-${k + 1}`, 2.5)} ${fill(isPlain ? `class-${k + 1}` : "paper")}`);
    }).join("")).join("");
  }

  // One bar of three shares, or what is left of it.
  function shareBars(title, { e, total, p }, [x, y, width]) {
    const isWhole = p.every(Number.isFinite) && p.some((share) => share > 0);
    const edge = rect(x, y + 10, width, 18, `fill="none" ${pen(isWhole ? "rule-strong" : "backward")}`);
    return text(x, y, `${title}, sum ${short(total)}`, SOFT) + shareBar(p, [x, y + 10, width, 18], 38, share) + edge;
  }

  // ---- handles and words
  function short(value) {
    if (Number.isNaN(value)) return "nan";
    if (!Number.isFinite(value)) return "inf";
    if (value === 0) return "0";
    return value >= 0.001 && value < 1000 ? fixed(value, 3) : value.toExponential(2).replace("-", "−").replace(/([+−])(\d)$/, "$10$2");
  }

  const listed = (values, write) => `(${values.map(write).join(", ")})`;
  const share = (value) => (Number.isFinite(value) ? fixed(value, 3) : short(value));

  const handles = ({ shift, moved, type }, wide) => {
    const { map } = layoutOf(wide);
    const place = clamp(shift, ...RANGE);
    return [{
      name: "shift", label: "Add to all scores", range: RANGE, value: shift, digits: 1,
      x: across(place, map), y: up(0, map) + 34,
    }];
  };

  const shifted = (state, shift) => ({ ...state, shift: within(shift, RANGE) });

  function say({ type, moved, plain, safe }) {
    return [
      `${type}, z = ${listed(moved, (score) => fixed(score, 2))}`,
      `as they are: exp(z) = ${listed(plain.e, short)}, p = ${listed(plain.p, share)}`,
      `the largest subtracted: exp = ${listed(safe.e, short)}, p = ${listed(safe.p, share)}`,
    ].join("\n");
  }

  define("mesa", {
    compute, layoutOf, scene, handles, say,
    drag: (state, name, x, y, wide) => shifted(state, backTo(x, layoutOf(wide).map)),
    nudge: (state, name, dx, dy) => shifted(state, state.shift + farther(dx, dy) * RANGE[2]),
    chips: () => [
      ...Object.keys(TYPES).map((type) => ({ name: type, label: type, to: { type } })),
      { name: "cliff", label: "to the cliff", to: (state) => shifted(state, Math.floor(Math.log(TYPES[state.type].most) - Math.max(...state.z))) },
      { name: "over", label: "one step over it", to: (state) => shifted(state, Math.ceil(Math.log(TYPES[state.type].most) - Math.max(...state.z))) },
      { name: "down", label: "−1000", to: (state) => shifted(state, RANGE[0]) },
    ],
  });
})();
