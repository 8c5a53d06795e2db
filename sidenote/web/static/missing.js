// What was not available, what did not fit, and what is doubtful in the data.
import { h } from "./dom.js";
import { list, nothing, part } from "./parts.js";

/** @param {MissingView} view @param {Context} _context */
export function missing(view, _context) {
  const blocks = /** @type {[string, readonly string[]][]} */ ([
    ["Not available. What rests on it says “cannot tell”.", view.unavailable],
    ["Did not fit into what was weighed", view.not_fitting],
    ["Doubtful in the record", view.quality],
    ["Notes", view.notes],
  ]).filter(([, texts]) => texts.length);
  if (!blocks.length) return nothing();
  return part(
    "Not seen",
    "",
    ...blocks.map(([title, texts]) => h("div", { class: "note" }, h("h3", {}, title), list(texts))),
  );
}
