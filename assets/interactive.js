// Draws the figures with sliders.  The page already holds the sliders, the readout
// and the chart as data; Vega is loaded when the first figure comes near the window.

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
    await loadVega();
    const chart = JSON.parse(figure.querySelector("script").textContent);
    // Vega measures its words itself and must know the font by name.
    chart.config.font = getComputedStyle(figure).getPropertyValue("--sans");
    const place = figure.querySelector(".interactive-drawing");
    const readout = figure.querySelector(".interactive-readout");
    const { view } = await window.vegaEmbed(place, chart, {
      actions: false,
      mode: "vega-lite",
      renderer: "svg",
      tooltip: false,
    });
    const move = (slider) => {
      showValue(slider);
      view.signal(slider.name, slider.valueAsNumber);
    };
    const sliders = [...figure.querySelectorAll("input")];
    view.addSignalListener("readout", (_, text) => (readout.textContent = text));
    for (const slider of sliders) {
      slider.addEventListener("input", () => {
        move(slider);
        view.runAsync();
      });
      move(slider);
    }
    await view.runAsync();
    place.style.minHeight = "";
    figure.classList.add("is-drawn");
  }

  function drawOnce(figure) {
    if (figure.dataset.asked) return;
    figure.dataset.asked = "yes";
    window.interactiveFigures.push(draw(figure));
  }

  const near = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => drawOnce(entry.target)),
    { rootMargin: "800px" },
  );
  figures.forEach((figure) => near.observe(figure));

  window.drawInteractiveFigures = () => {
    figures.forEach(drawOnce);
    return Promise.all(window.interactiveFigures);
  };
  window.addEventListener("beforeprint", window.drawInteractiveFigures);
})();
