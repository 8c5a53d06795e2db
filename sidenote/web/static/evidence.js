// The evidence: what each thing is, where it stands, of when, and what it says there word for word.
import { h } from "./dom.js";
import { part } from "./parts.js";

/** @typedef {import("./wire.js").EvidenceView} EvidenceView */
/** @typedef {import("./context.js").Context} Context */

/** @param {readonly EvidenceView[]} rows @param {Context} context */
export function evidence(rows, context) {
  const cited = rows.filter((row) => row.cited);
  const rest = rows.filter((row) => !row.cited);
  return part(
    "Evidence",
    `${cited.length} cited of ${rows.length}`,
    cited.length > 0 && evidenceList(cited, context),
    rest.length > 0 &&
      h("details", {}, h("summary", {}, `${rest.length} more, which no statement cites`), evidenceList(rest, context)),
  );
}

/** @param {readonly EvidenceView[]} rows @param {Context} context */
export const evidenceList = (rows, context) =>
  h("ol", { class: "sheet evidence" }, ...rows.map((row) => item(row, context)));

/** @param {EvidenceView} row @param {Context} context */
function item(row, context) {
  const [id = "", ...others] = row.ids;
  const element = h(
    "li",
    { tabindex: -1 },
    h("b", {}, id),
    h("span", {}, row.kind === "report_sentence" ? h("q", {}, row.text) : row.text),
    h(
      "small",
      {},
      [row.label, row.when, row.status, others.length > 0 && `also ${others.join(", ")}`].filter(Boolean).join(" · "),
    ),
    source(row, context),
    h("div", { class: "rowacts" }, ...ways(row, id, context)),
  );
  for (const each of row.ids) if (!context.rows.has(each)) context.rows.set(each, element);
  return element;
}

/** @param {EvidenceView} row @param {Context} context */
function source(row, context) {
  const known = context.review.evidence.filter(({ reference }) => row.based_on.includes(reference));
  const line = (/** @type {string} */ name, /** @type {import("./dom.js").Child[]} */ ...told) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, ...told));
  const from = [row.based_on.join(", "), " ", context.chips(known.map(({ ids }) => ids[0] ?? ""))];
  return h(
    "details",
    {},
    h("summary", {}, row.where),
    h(
      "dl",
      {},
      ...row.quotes.map(([path, text]) => line(path, h("q", {}, text))),
      row.based_on.length > 0 && line("made from", ...from),
      line("stands at", row.reference),
    ),
  );
}

/** @param {EvidenceView} row @param {string} id @param {Context} context */
function ways(row, id, context) {
  /** @param {string} words @param {"showRegion" | "showCase"} way */
  const button = (words, way) => {
    const onclick = () => context[way]?.(id);
    return h("button", { type: "button", class: "link", onclick, "aria-label": `${words}: ${id}` }, words);
  };
  return [
    row.image && row.region && button("Show in image", "showRegion"),
    row.kind === "similar_case" && button("Show case", "showCase"),
  ];
}
