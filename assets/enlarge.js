// A figure enlarges within the page: by a click or a tap on it, or by the button in its corner.
// Escape, the button "Close" and a click beside it lead back to where the reader was.

"use strict";

(() => {
  const TIMES = 2; // at most, of the usual size
  const PARTS = "main :is(.picture, figure img)"; // what holds a drawing

  const dialog = document.createElement("dialog");
  dialog.className = "enlarged";
  dialog.innerHTML =
    '<button class="enlarged-close" type="button">Close</button>' +
    '<div class="enlarged-paper" tabindex="0"></div>';
  const [close, paper] = dialog.children;
  document.body.append(dialog);

  // The wide drawing has more to show than that for a phone, even on a phone: it scrolls.
  const drawingOf = (part) => (part.matches("img") ? part : part.querySelector(".wide, svg, img"));

  function sizeOf(drawing) {
    const box = drawing.viewBox?.baseVal;
    const width =
      parseFloat(drawing.style.width) || drawing.width?.baseVal?.value || drawing.naturalWidth;
    const shape = box?.width ? box.height / box.width : drawing.naturalHeight / drawing.naturalWidth;
    return [width, width * shape];
  }

  function enlargedCopy(drawing) {
    const [width, height] = sizeOf(drawing);
    const room = Math.min((innerWidth - 64) / width, (innerHeight - 176) / height);
    const copy = drawing.cloneNode(true);
    for (const name of ["class", "height", "id", "style", "width"]) copy.removeAttribute(name);
    // what has a name keeps it to itself
    if (copy.innerHTML) copy.innerHTML = copy.innerHTML.replace(/( id="|"#|url\((?:&quot;)?#)/g, "$1large-");
    copy.style.width = `${Math.round(width * Math.min(TIMES, Math.max(1, room)))}px`;
    return copy;
  }

  function show(part) {
    const drawing = drawingOf(part);
    const frame = document.createElement("div");
    frame.className = part.matches("img") ? "" : part.classList[0];
    frame.setAttribute("aria-hidden", "true"); // the dialog says in words what is to be seen
    frame.append(enlargedCopy(drawing));
    const caption = part.closest("figure")?.querySelector("figcaption")?.cloneNode(true);
    caption?.querySelectorAll(".headerlink").forEach((link) => link.remove());
    paper.replaceChildren(frame, ...(caption ? [caption] : []));
    const words = part.getAttribute("alt") || part.closest("[aria-label]")?.getAttribute("aria-label");
    dialog.setAttribute("aria-label", words || "Enlarged figure");
    dialog.showModal(); // the focus stays inside, and goes back where it was when this closes
    paper.scrollTo(0, 0);
  }

  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

  for (const part of document.querySelectorAll(PARTS)) {
    const place = part.closest("a") ?? part;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "enlarge";
    button.setAttribute("aria-label", "Enlarge this figure");
    button.addEventListener("click", () => show(part));
    const box = document.createElement("div");
    box.className = "enlargeable";
    place.before(box);
    box.append(place, button);
    place.addEventListener("click", (event) => {
      event.preventDefault();
      if (document.getSelection().isCollapsed) {
        button.focus({ preventScroll: true });
        show(part);
      }
    });
  }
})();
