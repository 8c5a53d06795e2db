"use strict";
// Everything is readable without this script: it adds the heat map's slider and the way back from evidence to its sentence.
const heat = document.querySelector("#heat");
if (heat) {
  const show = () => {
    document.documentElement.style.setProperty("--heat", String(heat.value / 100));
    document.querySelector("#heat-value").textContent = `${heat.value} %`;
  };
  heat.addEventListener("input", show);
  show();
}
for (const chip of document.querySelectorAll("a.cite")) {
  const target = document.querySelector(chip.getAttribute("href"));
  const outline = document.querySelector(`.outline[data-evidence~="${chip.textContent}"]`);
  const mark = (on) => () => {
    target?.closest("li")?.classList.toggle("on", on);
    outline?.classList.toggle("on", on);
  };
  chip.addEventListener("mouseenter", mark(true));
  chip.addEventListener("focus", mark(true));
  chip.addEventListener("mouseleave", mark(false));
  chip.addEventListener("blur", mark(false));
}
