// The softmax machine: three scores to drag; their exponentials, their shares of the sum, and the
// point in the triangle of all probabilities follow.

"use strict";

(() => {
  const {
    MIDDLE, SOFT, define, dot, fill, fixed, layouts, line, mixed, pen, rect, round, row, scores,
    shareBar, sum, text, triangleOf,
  } = smnnFigures;

  // Where things are: three columns of scores and of exponentials, a triangle, a bar.
  const layoutOf = layouts(
    {
      size: [608, 348], zero: 132, unit: 23, columns: [30, 84, 138], floor: 224, rise: 176,
      exponentials: [232, 286, 340], heading: 208, corners: [[424, 216], [592, 216], [508, 70]],
      bar: [0, 300, 608, 18], width: 32,
    },
    {
      size: [340, 530], zero: 120, unit: 20, columns: [24, 72, 120], floor: 200, rise: 152,
      exponentials: [220, 268, 316], heading: 176, corners: [[90, 424], [250, 424], [170, 285]],
      bar: [0, 480, 340, 18], width: 28,
    },
  );

  function compute({ z, T }) {
    const largest = Math.max(...z);
    const e = z.map((score) => Math.exp((score - largest) / T));
    const total = sum(e);
    return { largest, e, total, p: e.map((part) => part / total) };
  }

  function scene(state, wide) {
    const at = layoutOf(wide);
    return scores.draw(state, at) + exponentials(state, at) + triangle(state, at) + shares(state, at);
  }

  function exponentials({ e, total }, at) {
    const left = at.exponentials[0] - at.width / 2 - 8;
    const bars = e.map((part, k) => {
      const x = at.exponentials[k];
      return (
        rect(x - at.width / 2, at.floor - part * at.rise, at.width, part * at.rise, fill(`class-${k + 1}`)) +
        text(x, at.floor + 20, fixed(part, 3), MIDDLE)
      );
    });
    return (
      text(at.heading, 16, `exponentials, sum ${fixed(total, 3)}`, SOFT) + bars.join("") +
      line(left, at.floor, at.exponentials[2] + at.width / 2 + 8, at.floor, pen("rule-strong"))
    );
  }

  function triangle({ p }, at) {
    const [x, y] = mixed(p, at.corners);
    const threads = at.corners.map((corner, k) =>
      line(...corner, x, y, pen(`class-${k + 1}`, round(1 + 5 * p[k])))
    );
    return (
      text(at.corners[2][0], at.corners[2][1] - 30, "all probabilities", `${MIDDLE} ${SOFT}`) +
      triangleOf(at.corners) + threads.join("") +
      dot(x, y, 6, `${fill("ink")} ${pen("paper", 2)}`)
    );
  }

  function shares({ p }, at) {
    const [x, y] = at.bar;
    return text(x, y - 10, "their shares of the sum", SOFT) + shareBar(p, at.bar, 40);
  }

  function say({ z, T, e, total, p, largest }) {
    const sign = largest < 0 ? "+" : "−";
    return [
      `z = ${row(z, 1)}, T = ${fixed(T, 1)}`,
      `e = exp((z ${sign} ${fixed(Math.abs(largest), 1)}) / ${fixed(T, 1)}) = ${row(e, 3)}`,
      `p = e / ${fixed(total, 3)} = ${row(p, 3)}`,
    ].join("\n");
  }

  define("softmax-machine", {
    compute,
    layoutOf,
    scene,
    handles: (state, wide) => scores.handles(state, layoutOf(wide)),
    drag: (state, name, x, y, wide) => scores.drag(state, name, y, layoutOf(wide)),
    nudge: scores.nudge,
    sliders: [{ name: "T", label: "temperature T", low: 0.1, high: 5, step: 0.1, digits: 1 }],
    chips: () => [
      ...scores.chips(1, ""),
      { name: "equal", label: "all equal", to: { z: [0, 0, 0] } },
      { name: "cold", label: "T → 0", to: { T: 0.1 } },
      { name: "warm", label: "T = 5", to: { T: 5 } },
    ],
    say,
  });
})();
