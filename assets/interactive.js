// Lets the figures with sliders follow their sliders.  The page already holds the sliders, the
// readout, the first state as a drawing, and the chart as data; Vega is loaded when a reader
// first touches a slider.

"use strict";

(() => {
  const figures = [...document.querySelectorAll(".interactive")];
  const vegaAddress = new URL("vega/vega-embed.js", document.currentScript.src).href;
  let vega = null;

  // The figures that are drawn or being drawn, for the tests and for printing.
  window.interactiveFigures = [];

  function loadVega() {
    vega ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = vegaAddress;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
    return vega;
  }

  function showValue(slider) {
    const value = slider.valueAsNumber.toFixed(slider.dataset.digits).replace("-", "−");
    slider.parentElement.querySelector(".interactive-value").textContent = value;
  }

  async function draw(figure) {
    const sliders = [...figure.querySelectorAll("input")];
    for (const slider of sliders) slider.addEventListener("input", () => showValue(slider));
    await loadVega();
    const chart = JSON.parse(figure.querySelector("script").textContent);
    // Vega measures its words itself and must know the font by name.
    chart.config.font = getComputedStyle(figure).getPropertyValue("--sans");
    const place = figure.querySelector(".interactive-drawing");
    const readout = figure.querySelector(".interactive-readout");
    const making = document.createElement("div");
    making.className = "interactive-making";
    place.append(making);
    const { view } = await window.vegaEmbed(making, chart, {
      actions: false,
      mode: "vega-lite",
      renderer: "svg",
      tooltip: false,
    });
    const follow = (slider) => view.signal(slider.name, slider.valueAsNumber);
    view.addSignalListener("readout", (_, text) => (readout.textContent = text));
    for (const slider of sliders) {
      slider.addEventListener("input", () => follow(slider).runAsync());
      showValue(slider);
      follow(slider);
    }
    await view.runAsync();
    place.querySelectorAll(":scope > svg").forEach((first) => first.remove());
    making.className = "";
    figure.classList.add("is-drawn");
  }

  function drawOnce(figure) {
    if (figure.dataset.asked) return;
    figure.dataset.asked = "yes";
    window.interactiveFigures.push(draw(figure));
  }

  for (const figure of figures) {
    const sliders = figure.querySelector(".interactive-sliders");
    for (const touch of ["pointerdown", "focusin", "input"]) {
      sliders.addEventListener(touch, () => drawOnce(figure));
    }
    // a browser may remember where the sliders were
    const moved = [...figure.querySelectorAll("input")].some((one) => one.value !== one.defaultValue);
    if (moved) drawOnce(figure);
  }

  window.drawInteractiveFigures = () => {
    figures.forEach(drawOnce);
    return Promise.all(window.interactiveFigures);
  };
})();
