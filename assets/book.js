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
    if (isOpen) contents.focus();
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
    for (const { link } of places) {
      if (link === here) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
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

// What is wider than the column scrolls by itself; the keyboard must reach it.
function reachWideParts() {
  for (const part of document.querySelectorAll(".highlight pre, .table-box, div.math, div.math > mjx-container")) {
    const isWide = part.scrollWidth > part.clientWidth + 1;
    if (isWide) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
  }
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

setUpColors();
setUpContents();
followReading();
setUpCopying();
setUpKeys();
openTarget();
window.addEventListener("hashchange", openTarget);
window.addEventListener("resize", reachWideParts);
window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  reachWideParts();
});
