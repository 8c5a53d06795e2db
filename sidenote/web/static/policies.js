// Every policy that was asked, and its answer: what fired first, then what cannot tell; what is clear is folded away.
import { policy } from "./cards.js";
import { h } from "./dom.js";
import { nothing, part } from "./parts.js";

/** @param {readonly PolicyView[]} list @param {Context} context */
export function policies(list, context) {
  if (!list.length) return nothing();
  const [fired, unsure, clear] = ["fired", "cannot_tell", "clear"].map((outcome) =>
    list.filter((one) => one.outcome === outcome).map((one) => policy(one, context)),
  );
  /** @param {string} words @param {HTMLElement[]} shown */
  const block = (words, shown) =>
    shown.length > 0 && h("div", { class: "rules" }, h("h3", {}, `${words}: ${shown.length}`), ...shown);
  return part(
    "Policies",
    `${list.length} checked`,
    block("Fired", fired),
    block("Cannot tell, for want of data", unsure),
    clear.length > 0 && h("details", { class: "rules" }, h("summary", {}, `Clear: ${clear.length}`), ...clear),
  );
}
