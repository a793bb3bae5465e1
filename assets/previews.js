// Shows what is behind a link while the pointer or the keyboard rests on it.
// Escape closes the preview, and the pointer may move onto it.  A finger that taps such a
// link gets the preview first, with a link that leads on.

"use strict";

(() => {
  const WAIT = 250;
  const box = document.createElement("div");
  box.id = "preview";
  box.className = "preview";
  box.setAttribute("role", "tooltip");
  box.hidden = true;
  document.body.append(box);

  const isMouse = (event) => event.pointerType !== "touch";

  let link = null;
  let timer = 0;

  // What can be shown of the same page: a formula, a figure, a statement, an exercise, a note.
  const shown = ".math, figure, .proof, .exercise, .footnote";

  function targetOf(anchor) {
    const address = anchor.getAttribute("href");
    if (!address.startsWith("#") || address.length < 2) return null;
    const target = document.getElementById(decodeURIComponent(address.slice(1)));
    return target?.matches(shown) && !target.querySelector(".draggable") ? target : null;
  }

  function fill(anchor) {
    box.replaceChildren();
    if (anchor.dataset.preview) {
      box.innerHTML = anchor.dataset.preview;
      return true;
    }
    const target = targetOf(anchor);
    if (!target) return false;
    const copy = target.cloneNode(true);
    copy.removeAttribute("id");
    copy.querySelectorAll("[id]").forEach((part) => part.removeAttribute("id"));
    copy.querySelectorAll(".headerlink, .copy").forEach((part) => part.remove());
    copy.querySelectorAll("[tabindex]").forEach((part) => part.removeAttribute("tabindex"));
    box.append(copy);
    return true;
  }

  function addWayOn(anchor) {
    const on = document.createElement("a");
    on.href = anchor.href;
    on.className = "preview-on";
    on.textContent = "Go there";
    on.addEventListener("click", hide);
    box.append(on);
  }

  function place(anchor) {
    const around = anchor.getBoundingClientRect();
    const room = document.documentElement.clientWidth - box.offsetWidth - 8;
    const below = around.bottom + 6;
    const fits = below + box.offsetHeight < window.innerHeight;
    box.style.left = `${Math.max(8, Math.min(around.left, room))}px`;
    box.style.top = `${fits ? below : Math.max(8, around.top - box.offsetHeight - 6)}px`;
  }

  function show(anchor) {
    hide();
    if (!fill(anchor)) return;
    link = anchor;
    link.setAttribute("aria-describedby", box.id);
    box.hidden = false;
    place(anchor);
  }

  function hide() {
    clearTimeout(timer);
    link?.removeAttribute("aria-describedby");
    link = null;
    box.hidden = true;
  }

  function later(action) {
    clearTimeout(timer);
    timer = setTimeout(action, WAIT);
  }

  for (const anchor of document.querySelectorAll(".text a[href]:not(.headerlink)")) {
    if (!anchor.dataset.preview && !targetOf(anchor)) continue;
    anchor.addEventListener("pointerenter", (event) => isMouse(event) && later(() => show(anchor)));
    anchor.addEventListener("pointerleave", (event) => isMouse(event) && later(hide));
    anchor.addEventListener("focus", () => anchor.matches(":focus-visible") && show(anchor));
    anchor.addEventListener("blur", (event) => box.contains(event.relatedTarget) || hide());
    anchor.addEventListener("click", (event) => {
      if (event.pointerType !== "touch" || link === anchor && !box.hidden) return;
      event.preventDefault();
      show(anchor);
      addWayOn(anchor);
      place(anchor);
    });
  }
  document.addEventListener("pointerdown", (event) => {
    if (link && !box.contains(event.target) && !link.contains(event.target)) hide();
  });
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", (event) => isMouse(event) && later(hide));
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("scroll", () => {
    // moving to a link with the keyboard may scroll the page to it
    if (link && link === document.activeElement) place(link);
    else hide();
  }, { passive: true });
})();
