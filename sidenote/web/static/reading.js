// What the image model said: what changed since the image before, its own words, and how far to trust them.
import { h } from "./dom.js";
import { list } from "./parts.js";

const MARKS = { new: "+", larger: "↑", smaller: "↓", unchanged: "=", resolved: "−", undecided: "?" };

/** What changed, each kind with its findings and their evidence. @param {import("./wire.js").ComparisonView} comparison @param {Context} context */
export function changes({ since, changed, nothing }, context) {
  return h(
    "div",
    { class: "sheet changes" },
    h("h3", {}, since, h("small", {}, "image model, research use")),
    nothing && h("p", { class: "soft" }, nothing),
    changed.length > 0 && h("dl", {}, ...changed.map((one) => change(one, context))),
  );
}

/** @param {import("./wire.js").ChangeView} view @param {Context} context */
function change({ change, words, findings, evidence }, context) {
  const mark = h("span", { class: "mark", "aria-hidden": "true" }, MARKS[change]);
  return h(
    "div",
    { "data-change": change },
    h("dt", {}, mark, words),
    h("dd", {}, findings, " ", context.chips(evidence)),
  );
}

/** @param {StudyView} view @param {ReadingView} reading @param {Context} context */
export function about({ identity_words, images }, { narrative, trust }, context) {
  return h(
    "details",
    { class: "about" },
    h("summary", {}, "About the image and its reading"),
    ...told("The image", [identity_words, ...images.map(({ notes }) => notes.join(", "))].filter(Boolean)),
    ...told(
      "In the image model's words",
      narrative.map((said) => sentence(said, context)),
    ),
    ...told("How far to trust it", trust),
  );
}

/** A heading and its list; nothing where there is nothing to say. @param {string} title @param {readonly Child[]} items */
const told = (title, items) => (items.length > 0 ? [h("h3", {}, title), list(items)] : []);

/** @param {SentenceView} said @param {Context} context */
function sentence({ text, evidence, source }, context) {
  return h("p", {}, text, " ", context.chips(evidence), source && h("small", {}, source));
}
