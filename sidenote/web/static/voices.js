// The four voices: what chart, report, image model and similar cases say of a finding, each for itself, nothing averaged.
import { h } from "./dom.js";
import { nothing, part } from "./parts.js";

const VOICES = /** @type {const} */ ({ chart: "Chart", report: "Report", reading: "Reading", cases: "Cases" });

/** @param {readonly VoiceView[]} rows @param {Context} context */
export function voices(rows, context) {
  if (!rows.length) return nothing();
  const differing = rows.filter((row) => row.discordant).length;
  const heads = Object.values(VOICES).map((name) => h("th", { scope: "col" }, name));
  const sorted = [...rows].sort((a, b) => +b.discordant - +a.discordant);
  return part(
    "Four voices",
    differing ? `they differ on ${differing} of ${rows.length}` : "none differ",
    h(
      "table",
      { class: "sheet voices" },
      h("caption", { class: "unseen" }, "What chart, report, image model and similar cases say of each finding"),
      h("thead", {}, h("tr", {}, ...heads)),
      ...sorted.map((row) => rowGroup(row, context)),
    ),
  );
}

/** A finding on a line of its own: at 320 px four voices need the whole width. @param {VoiceView} row @param {Context} context */
function rowGroup(row, context) {
  const says = Object.keys(VOICES).map((voice) => cell(row[/** @type {keyof typeof VOICES} */ (voice)], context));
  const name = h(
    "th",
    { scope: "rowgroup", colspan: 4 },
    row.finding,
    row.discordant && h("small", {}, "≠ voices differ"),
  );
  return h("tbody", { class: row.discordant && "clash" }, h("tr", {}, name), h("tr", {}, ...says));
}

/** @param {SayView} say @param {Context} context */
function cell({ mark, words, evidence }, context) {
  const told = words && words !== mark ? words : h("span", { class: "unseen" }, "says nothing");
  return h(
    "td",
    {},
    h("span", { "aria-hidden": "true" }, mark),
    " ",
    told,
    " ",
    evidence.length > 0 && context.chips(evidence),
  );
}
