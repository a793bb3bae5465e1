// Typesets the formulas of a page a few at a time, those that the reader sees first.
// In between the page answers to keys and pointer: a long chapter has some hundreds of
// formulas, which take a second or two when they are typeset in one go.

"use strict";

(() => {
  if (!window.MathJax) return; // a page without formulas

  const BUSY = 40; // milliseconds; from about 50 on a reader feels that the page is busy

  const pause = () => window.scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve));

  // From the first formula in the window to the end of the page, then those above it.
  function inReadingOrder(formulas) {
    const bottom = (formula) => formula.start.node.parentElement.getBoundingClientRect().bottom;
    const first = formulas.findIndex((formula) => bottom(formula) > 0);
    return first < 0 ? formulas : [...formulas.slice(first), ...formulas.slice(0, first)];
  }

  // The formulas of the page, measured all at once: to measure is to lay out the whole page.
  function findFormulas(page) {
    page.updateDocument(); // the style of formulas, and the place of the shapes they share
    page.findMath().getMetrics();
    const formulas = [...page.math];
    for (const formula of formulas) formula.state(0); // measured, and still to be read
    return inReadingOrder(formulas);
  }

  async function typesetAll() {
    const page = window.MathJax.startup.document;
    const waiting = findFormulas(page);
    const typesetUntil = (end) => {
      while (waiting.length && performance.now() < end) waiting.shift().render(page);
    };
    // Paper does not wait: what is still missing is typeset at once.
    window.addEventListener("beforeprint", () => typesetUntil(Infinity));
    while (waiting.length) {
      typesetUntil(performance.now() + BUSY);
      await pause();
    }
  }

  // MathJax.startup.promise, for which others wait, is kept when the last one stands.
  window.MathJax.startup = { pageReady: typesetAll };
})();
