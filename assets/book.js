// What a page does beyond being read: colors, contents, copying, keys.
// Nothing here is needed to read a page; without it everything stands open.

"use strict";

const root = document.documentElement;

// The colors follow the system until the reader chooses others.
function setUpColors() {
  const button = document.querySelector(".theme-button");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const systemTheme = () => (system.matches ? "dark" : "light");

  function show(theme) {
    root.dataset.theme = theme;
    button.setAttribute("aria-pressed", String(theme === "dark"));
  }

  function remember(theme) {
    try {
      if (theme === systemTheme()) localStorage.removeItem("theme");
      else localStorage.setItem("theme", theme);
    } catch (error) {
      // storage is off: the choice holds for this page
    }
  }

  button.addEventListener("click", () => {
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    show(theme);
    remember(theme);
  });
  system.addEventListener("change", () => show(systemTheme()));
  show(root.dataset.theme);
}

// On a small screen the contents open over the text, and Escape closes them.
function setUpContents() {
  const button = document.querySelector(".contents-button");
  const contents = document.querySelector(".contents");

  function open(isOpen) {
    contents.classList.toggle("is-open", isOpen);
    button.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) return;
    keepInView(contents.querySelector("[aria-current]"));
    contents.focus();
  }

  button.addEventListener("click", () => open(!contents.classList.contains("is-open")));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && contents.classList.contains("is-open")) {
      open(false);
      button.focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".contents, .contents-button")) open(false);
  });
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a")) open(false);
  });
}

// The contents show where this page is; only they scroll, and only as far as it takes.
function keepInView(link) {
  const box = document.querySelector(".contents");
  if (!link || box.scrollHeight <= box.clientHeight) return;
  const around = box.getBoundingClientRect();
  const place = link.getBoundingClientRect();
  if (place.top < around.top + 40 || place.bottom > around.bottom - 40) {
    box.scrollTop += place.top - around.top - box.clientHeight / 3;
  }
}

// The contents say which section is being read.
function followReading() {
  const links = [...document.querySelectorAll(".contents .sections a")];
  const places = links
    .map((link) => ({ link, heading: document.getElementById(decodeURIComponent(link.hash.slice(1))) }))
    .filter((place) => place.heading);
  if (!places.length) return;

  function mark() {
    const line = window.innerHeight / 3;
    const passed = places.filter((place) => place.heading.getBoundingClientRect().top < line);
    const here = passed.at(-1)?.link;
    if (here?.getAttribute("aria-current") === "location") return;
    for (const { link } of places) {
      if (link === here) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
    keepInView(here);
  }

  let waiting = false;
  window.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      mark();
    });
  }, { passive: true });
  mark();
}

// Every block of code can be copied.
function setUpCopying() {
  for (const block of document.querySelectorAll(".cell_input .highlight, div[class*=highlight-python] .highlight")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy this code");
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.querySelector("pre").textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    block.append(button);
  }
}

// What is wider than the column scrolls by itself; the keyboard must reach it.  The browser tells
// when it has laid a part out, so that nobody has to ask, which would lay out the page again.
function reachWideParts() {
  const watch = new ResizeObserver((parts) => {
    const wide = parts.map(({ target }) => target.scrollWidth > target.clientWidth + 1);
    parts.forEach(({ target }, i) => {
      if (wide[i]) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    });
  });
  const parts = document.querySelectorAll(".highlight pre, .table-box, .picture, div.math");
  for (const part of parts) watch.observe(part);
}

// Whoever copies a formula gets its TeX.
function copyFormulasAsTeX() {
  document.addEventListener("copy", (event) => {
    const range = document.getSelection().rangeCount && document.getSelection().getRangeAt(0);
    if (!range) return;
    // a selection inside of a formula stands for the formula
    const around = (node) => (node.nodeType === 1 ? node : node.parentElement).closest("math");
    const whole = range.cloneRange();
    const first = around(range.startContainer);
    const last = around(range.endContainer);
    if (first) whole.setStartBefore(first);
    if (last) whole.setEndAfter(last);
    const copy = whole.cloneContents();
    const formulas = copy.querySelectorAll("math");
    if (!formulas.length) return;
    for (const formula of formulas) {
      if (!formula.hasAttribute("alttext")) {
        formula.remove(); // a piece of the one before, which has the TeX of all
        continue;
      }
      const mark = formula.getAttribute("display") === "block" ? "$$" : "$";
      formula.replaceWith(`${mark}${formula.getAttribute("alttext")}${mark}`);
    }
    // what is laid out has line breaks where the text has blocks
    const paper = document.createElement("div");
    paper.className = "unseen";
    paper.append(copy);
    document.body.append(paper);
    event.clipboardData.setData("text/plain", paper.innerText);
    paper.remove();
    event.preventDefault();
  });
}

// The slash goes to the search field.
function setUpKeys() {
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
    event.preventDefault();
    document.getElementById("bar-search-field").focus();
  });
}

// A link to something inside a closed box opens the box.
function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let box = target && target.closest("details"); box; box = box.parentElement.closest("details")) {
    box.open = true;
  }
}

const HELPING = 600; // elements

// A phone would stand still while it lays out a long page, so a frame lays out a part of it: some
// sections, with about so many elements in all.
function layOutInHelpings() {
  const sections = [...document.querySelectorAll(".text section + section")];
  const next = () => {
    if (!sections.length) return root.classList.remove("in-helpings");
    for (let elements = 0; sections.length && elements < HELPING;) {
      const section = sections.shift();
      section.classList.add("is-laid-out");
      elements += section.getElementsByTagName("*").length;
    }
    requestAnimationFrame(() => setTimeout(next));
  };
  requestAnimationFrame(() => setTimeout(next));
}

// First what adds to the page, here and in other scripts, then what asks where things are, so that
// it is laid out once.
setUpColors();
setUpContents();
setUpCopying();
setUpKeys();
copyFormulasAsTeX();
openTarget();
reachWideParts();
requestAnimationFrame(() => {
  keepInView(document.querySelector(".contents [aria-current=page]"));
  followReading();
});
if (root.classList.contains("in-helpings")) layOutInHelpings();
window.addEventListener("hashchange", openTarget);
