// Cards: one sentence each, what carries it, what the policies say of it, and what a person may do.
import { decide } from "./decide.js";
import { h } from "./dom.js";
import { nothing, part } from "./parts.js";

/** @typedef {import("./wire.js").CardView} CardView */
/** @typedef {import("./wire.js").PolicyView} PolicyView */
/** @typedef {import("./context.js").Context} Context */

const SYMBOLS = { critical: "▲", caution: "△", accent: "◇", plain: "○" };
const OUTCOMES = /** @type {const} */ ({
  supported: ["✓", "supported"],
  contradicted: ["✕", "contradicted"],
  unsupported: ["–", "not supported"],
  cannot_tell: ["?", "cannot tell"],
});

/** A part of cards, and of policies that speak of no card. @param {string} title @param {string} aside @param {readonly CardView[]} cards @param {readonly PolicyView[]} policies @param {Context} context */
export function cards(title, aside, cards, policies, context) {
  if (cards.length + policies.length === 0) return nothing();
  return part(
    title,
    aside,
    ...cards.map((view) => card(view, context)),
    ...policies.map((each) => lone(each, context)),
  );
}

/** @param {CardView} view @param {Context} context @param {string} [prefix] of its id: a card that an answer repeats has one of its own */
export function card(view, context, prefix = "card") {
  const id = `${prefix}-${view.claim}`;
  return h(
    "article",
    { class: `card ${view.tone}`, "aria-labelledby": id },
    kind(id, view.tone, view.heading, view.strength),
    h("p", { class: "lead" }, view.text, " ", context.chips(view.evidence)),
    ...view.policies.map((each) => policy(each, context)),
    view.also.length > 0 &&
      h("p", { class: "soft" }, `${view.also.join(", ")} speaks of this too, at an earlier card.`),
    checks(view),
    decide(view, context),
  );
}

/** A policy that fired and speaks of no shown sentence. @param {PolicyView} view @param {Context} context */
function lone(view, context) {
  const tone = escalates(view) ? "critical" : "caution";
  const id = `policy-${view.id}`;
  return h(
    "article",
    { class: `card ${tone}`, "aria-labelledby": id },
    kind(id, tone, "Policy", ""),
    policy(view, context),
  );
}

/** Whether a policy comes before anything else. @param {PolicyView} policy */
export const escalates = ({ action }) => /^(block|escalate)/.test(action);

/** @param {string} id @param {import("./wire.js").Tone} tone @param {string} heading @param {string} strength */
function kind(id, tone, heading, strength) {
  const symbol = h("span", { "aria-hidden": "true" }, SYMBOLS[tone]);
  return h("h3", { class: "kind", id }, symbol, heading.replace(/^▲ /, ""), strength && h("em", {}, strength));
}

/** A policy's answer, which opens to what it is and what it looked at. @param {PolicyView} view @param {Context} context */
export function policy(view, context) {
  const rows = [
    ["Policy", view.title],
    ["It", view.action],
    ["Source", view.source],
    ["Looked at", view.looked_at.join("; ")],
  ].filter(([, text]) => text);
  return h(
    "details",
    { class: "policy" },
    h("summary", {}, h("b", {}, view.id), view.message || view.title),
    h("dl", {}, ...rows.map(([name = "", text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text)))),
    view.evidence.length > 0 && context.chips(view.evidence),
  );
}

/** @param {CardView} view */
function checks({ checks }) {
  if (checks.length === 0) return null;
  const good = checks.filter(({ outcome }) => outcome === "supported").length;
  return h(
    "details",
    { class: "checks" },
    h("summary", {}, `How it was checked: ${good} of ${checks.length} support it`),
    h("ul", {}, ...checks.map(check)),
  );
}

/** @param {import("./wire.js").CheckView} view */
function check({ name, outcome, detail }) {
  const [mark, words] = OUTCOMES[outcome];
  return h(
    "li",
    {},
    h("span", { "aria-hidden": "true" }, mark),
    h("span", {}, `${name}: ${words}`, detail && `, ${detail}`),
  );
}

/** What is not said, and why. @param {readonly import("./wire.js").WithheldView[]} list @param {Context} context */
export function withheld(list, context) {
  if (list.length === 0) return nothing();
  return part("Withheld", "not shown as statements", ...list.map((view) => held(view, context)));
}

/** @param {import("./wire.js").WithheldView} view @param {Context} context */
export const held = (view, context) =>
  h(
    "article",
    { class: "card held", "aria-label": "Withheld" },
    h("p", {}, h("span", { class: "soft" }, "Withheld: "), h("q", {}, view.text)),
    h("p", {}, view.reason, " ", context.chips(view.evidence)),
  );
