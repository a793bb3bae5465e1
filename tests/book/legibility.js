// What a reader cannot read on this page, in the window and the colors as they are: a list of
// sentences.  Called by tests/book/test_browser.py with the limits.
(limits) => {
  const faults = [];
  const fault = (words) => faults.includes(words) || faults.push(words);
  const isShown = (one) => one.getClientRects().length > 0 && one.checkVisibility();
  const short = (text) => text.replace(/\s+/g, " ").trim().slice(0, 40);

  // ---- colors
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  function rgba(color) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  }
  const over = (top, below, share) => top.slice(0, 3).map((c, k) => c * share + below[k] * (1 - share));
  function luminance(rgb) {
    const [r, g, b] = rgb.map((c) => (c <= 10.31 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  function contrast(one, other) {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }
  const paper = rgba(getComputedStyle(document.body).backgroundColor).slice(0, 3);

  // The color of a part of a drawing on a ground; null where it draws nothing.
  function shade(style, part, ground) {
    if (style[part] === "none" || style.visibility === "hidden") return null;
    const color = rgba(style[part]);
    const share = color[3] * style[`${part}Opacity`] * style.opacity;
    return share > 0.02 ? over(color, ground, share) : null;
  }

  // What is painted at a place before a word: the paper, or shapes with a fill.
  function groundOf(word, shapes) {
    const box = word.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    let ground = paper;
    for (const shape of shapes) {
      if (!(shape.compareDocumentPosition(word) & Node.DOCUMENT_POSITION_FOLLOWING)) break;
      const around = shape.getBoundingClientRect();
      if (x < around.left || x > around.right || y < around.top || y > around.bottom) continue;
      if (shape.tagName === "image") return null; // pixels, of any color
      const place = new DOMPoint(x, y).matrixTransform(shape.getScreenCTM().inverse());
      if (!shape.isPointInFill?.(place)) continue;
      ground = shade(getComputedStyle(shape), "fill", ground) ?? ground;
    }
    return ground;
  }

  function lookAtDrawing(svg) {
    const shapes = [...svg.querySelectorAll("path, rect, circle, image")];
    for (const word of svg.querySelectorAll("text")) {
      if (!word.textContent.trim() || getComputedStyle(word).opacity < 0.05) continue;
      const style = getComputedStyle(word);
      const matrix = word.getScreenCTM();
      const sizes = [word, ...word.querySelectorAll("tspan")].map((one) => parseFloat(getComputedStyle(one).fontSize));
      const own = word.querySelector("tspan") ? Math.max(...sizes.slice(1)) : sizes[0];
      const size = own * Math.hypot(matrix.a, matrix.b);
      if (size < limits.letter - 0.05) fault(`letters of ${size.toFixed(1)} px: ${short(word.textContent)}`);
      const hasHalo = style.paintOrder.startsWith("stroke") && style.stroke !== "none";
      const ground = hasHalo ? paper : groundOf(word, shapes);
      const color = ground && shade(style, "fill", ground);
      if (color && contrast(color, ground) < limits.words - 0.05) {
        fault(`words of ${contrast(color, ground).toFixed(2)} to 1: ${short(word.textContent)}`);
      }
    }
    // Words that stand upright do not lie on each other.
    const upright = [...svg.querySelectorAll("text")].filter((word) => {
      const seen = word.textContent.trim() && getComputedStyle(word).opacity > 0.05;
      return seen && Math.abs(word.getScreenCTM().b) < 0.01;
    });
    const boxes = upright.map((word) => word.getBoundingClientRect());
    boxes.forEach((box, k) => boxes.slice(0, k).forEach((other, j) => {
      const across = Math.min(box.right, other.right) - Math.max(box.left, other.left);
      const down = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
      if (across > 1 && down > 0.35 * Math.min(box.height, other.height)) {
        fault(`words on words: ${short(upright[j].textContent)}, ${short(upright[k].textContent)}`);
      }
    }));
    // A mark stands out by its line or by its filling.  What is faint on purpose is thinner than
    // a mark (lines of a grid) or has no rim (the ground of a region).
    for (const mark of svg.querySelectorAll("line, path, use")) {
      const style = getComputedStyle(mark);
      if (mark.closest("defs, clipPath") || parseFloat(style.strokeWidth) < limits.thin) continue;
      const line = shade(style, "stroke", paper);
      const filling = shade(style, "fill", paper);
      if (!line) continue;
      const best = Math.max(contrast(line, paper), filling ? contrast(filling, paper) : 0);
      if (best < limits.marks - 0.05) fault(`a mark of ${best.toFixed(2)} to 1: ${style.stroke}`);
    }
  }

  for (const svg of document.querySelectorAll(".picture > svg, .draggable-drawing svg")) {
    if (isShown(svg)) lookAtDrawing(svg);
  }

  for (const image of document.querySelectorAll("main figure img")) {
    fault(`a picture of pixels, whose words nobody can measure: ${short(image.alt)}`);
  }

  // ---- formulas and names
  for (const formula of document.querySelectorAll("main math")) {
    const size = parseFloat(getComputedStyle(formula).fontSize);
    if (isShown(formula) && size < limits.formula) fault(`a formula of ${size} px`);
  }
  for (const name of document.querySelectorAll("main code")) {
    if (name.closest("pre") || !/^[\w.]+(\(\))?$/.test(name.textContent) || !isShown(name)) continue;
    const lines = new Set([...name.getClientRects()].map((box) => Math.round(box.top)));
    if (lines.size > 1) fault(`parts the name ${name.textContent}`);
  }

  // ---- nothing is cut where there is room
  if (innerWidth >= 1280) {
    for (const formula of document.querySelectorAll("main div.math")) {
      if (formula.scrollWidth > formula.clientWidth + 1) fault(`cuts ${short(formula.textContent)}`);
    }
    for (const code of document.querySelectorAll("main pre")) {
      const longest = Math.max(...code.textContent.split("\n").map((line) => line.length));
      if (longest <= 96 && isShown(code) && code.scrollWidth > code.clientWidth + 1) {
        fault(`cuts a line of ${longest} letters: ${short(code.textContent)}`);
      }
    }
    for (const cell of document.querySelectorAll("main td")) {
      const words = document.createRange();
      words.selectNodeContents(cell);
      const { width, height } = words.getBoundingClientRect();
      const lines = height / parseFloat(getComputedStyle(cell).lineHeight);
      if (lines > 5 && width < 110) fault(`presses words into a column: ${short(cell.textContent)}`);
    }
    const wide = "main :is(.reaching, .table-box, .picture, .draggable, div.math, figcaption)";
    for (const note of document.querySelectorAll("main aside.margin")) {
      const own = note.getBoundingClientRect();
      for (const other of document.querySelectorAll(wide)) {
        const box = other.getBoundingClientRect();
        const across = Math.min(box.right, own.right) - Math.max(box.left, own.left);
        const down = Math.min(box.bottom, own.bottom) - Math.max(box.top, own.top);
        if (across > 1 && down > 1 && isShown(other) && !note.contains(other)) {
          fault(`covers the note ${short(note.textContent)}`);
        }
      }
    }
    for (const caption of document.querySelectorAll("main figure:not(:has(.beyond)) > figcaption")) {
      const figure = caption.parentElement.firstElementChild.getBoundingClientRect();
      if (isShown(caption) && caption.getBoundingClientRect().left < figure.right) {
        fault(`not in the margin: ${short(caption.textContent)}`);
      }
    }
    const here = document.querySelector(".contents [aria-current=page]")?.getBoundingClientRect();
    if (here && (here.top < 0 || here.bottom > innerHeight)) fault("the entry of this page is out of view");
  }
  return faults;
};
