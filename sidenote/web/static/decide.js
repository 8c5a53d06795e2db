// Approve, edit or reject: a person's act, bound to the bytes shown, confirmed with the patient's name and the sources.
import { fill, h } from "./dom.js";
import { Refused } from "./session.js";

/** @typedef {import("./wire.js").CardView} CardView */
/** @typedef {import("./wire.js").DecisionView} DecisionView */
/** @typedef {import("./wire.js").Action} Action */
/** @typedef {import("./context.js").Context} Context */

const DONE = { approve: "Approved", edit: "Edited and approved", reject: "Rejected" };
const ACTS = /** @type {const} */ ([
  ["approve", "Approve"],
  ["edit", "Edit"],
  ["reject", "Reject…"],
]);
const WORDS = /** @type {Record<string, string>} */ ({
  shown_changed:
    "The review on the server is not the one shown here. Nothing was decided. Open Sidenote again from the chart.",
});
const FIRST = "Somebody had decided first. This stands: ";
const POLLS = 15;

/** What a person may do with a card; nothing where nobody is asked. @param {CardView} card @param {Context} context */
export function decide(card, context) {
  if (!card.decidable) return null;
  if (!context.opened.may_decide) return h("p", { class: "soft" }, "The EHR names no person here who could decide.");
  const place = h("div", { class: "decide", "data-claim": card.claim, "aria-busy": "true" });
  offer(place, card, context);
  return place;
}

/** The decisions that stand already; a place is busy until they are read. @param {Element} view @param {Context} context */
export async function standing(view, context) {
  /** @type {DecisionView[] | null} */
  const list = await context.api.json("GET", path(context)).catch(() => null);
  if (context.signal.aborted) return;
  for (const place of view.querySelectorAll(".decide")) {
    place.removeAttribute("aria-busy");
    if (!list) place.append(h("p", { class: "soft" }, "Whether this was decided already could not be read."));
    const decision = list?.find(({ claim }) => claim === place.getAttribute("data-claim"));
    if (decision) late(place, decision, context);
  }
}

/** What a person has begun meanwhile is theirs: it is told, and neither replaced nor lost. @param {Element} place @param {DecisionView} decision @param {Context} context */
function late(place, decision, context) {
  const begun = place.querySelector(".confirm");
  if (begun) begun.dispatchEvent(new CustomEvent("late", { detail: decision }));
  else if (!place.querySelector(".decided")) stand(place, decision, context);
}

/** @param {Context} context */
const path = (context) => `reviews/${context.review.review_id}/decisions`;

/** The three acts, none of them suggested. @param {Element} place @param {CardView} card @param {Context} context @param {Action} [from] */
function offer(place, card, context, from) {
  const buttons = ACTS.map(([action, words]) =>
    h("button", { type: "button", "data-action": action, onclick: () => confirm(place, card, context, action) }, words),
  );
  fill(place, h("div", { class: "acts", role: "group", "aria-label": `Decide on: ${card.text}` }, ...buttons));
  buttons.find((button) => button.dataset.action === from)?.focus();
}

/** @param {Element} place @param {CardView} card @param {Context} context @param {Action} action */
function confirm(place, card, context, action) {
  const { name, detail } = context.review.patient;
  const id = `confirm-${card.claim}`;
  const text =
    action === "approve" ? null : h("textarea", { id, required: true, maxlength: action === "edit" ? 4000 : 1000 });
  if (text && action === "edit") text.value = card.text;
  const wrong = h("p", { class: "wrong", role: "alert" });
  const yes = h("button", { class: "yes" }, `${action === "edit" ? "Approve as edited" : verb(action)} for ${name}`);
  /** @type {DecisionView | undefined} */
  let first;
  const leave = () => (first ? stand(place, first, context, "", true) : offer(place, card, context, action));
  const no = h("button", { type: "button", onclick: leave }, "Cancel");
  /** What is on its way can neither be taken back nor be changed. @param {boolean} now */
  const sending = (now) => {
    yes.disabled = no.disabled = now;
    if (text) text.readOnly = now;
  };
  const outrun = () => {
    if (!first || yes.disabled) return;
    const focused = document.activeElement === yes;
    yes.remove();
    if (text) text.readOnly = true;
    fill(no, "Show what stands");
    if (focused) no.focus();
    const kept = text ? " What you wrote stays here until you leave." : "";
    fill(wrong, `This is decided already: ${DONE[first.action]}, by ${first.by}.${kept}`);
  };
  const onlate = (/** @type {CustomEvent<DecisionView>} */ { detail }) => {
    first = detail;
    outrun();
  };
  /** @param {SubmitEvent} event */
  const onsubmit = async (event) => {
    event.preventDefault();
    const typed = text?.value.trim();
    if (typed === "") return fill(wrong, action === "edit" ? "Write the sentence." : "Say why.");
    sending(true);
    fill(wrong, await send(place, card, context, action, typed));
    sending(false);
    if (document.activeElement === document.body) yes.focus();
    outrun();
  };
  /** @param {KeyboardEvent} event */
  const onkeydown = (event) => event.key === "Escape" && no.click();
  const asked = action === "edit" ? "Your words in its place" : "Why it is rejected (required)";
  const form = h(
    "form",
    { class: "confirm", "aria-label": `${verb(action)}: confirm`, novalidate: true, onsubmit, onkeydown, onlate },
    h("p", {}, h("b", {}, name), h("br"), h("span", { class: "soft" }, detail)),
    h("p", { class: "soft" }, "Source: ", sources(card, context) || "none"),
    text && h("label", { for: id }, asked),
    text,
    wrong,
    h("div", { class: "acts" }, yes, no),
  );
  fill(place, form);
  (text ?? yes).focus();
}

/** @param {Action} action */
const verb = (action) => (action === "approve" ? "Approve" : action === "edit" ? "Edit" : "Reject");

/** @param {CardView} card @param {Context} context */
function sources(card, context) {
  const rows = context.review.evidence.filter(({ ids }) => ids.some((id) => card.evidence.includes(id)));
  const place = (/** @type {import("./wire.js").EvidenceView} */ row) =>
    /^[A-Z]/.test(row.reference) ? row.where : row.label;
  return rows.map((row) => `${row.ids[0]} ${place(row)}${row.when && `, ${row.when}`}`).join("; ");
}

/**
 * Send it. Nothing comes back when it stands; else what went wrong, in words.
 * @param {Element} place @param {CardView} card @param {Context} context @param {Action} action @param {string} [typed]
 */
async function send(place, card, context, action, typed) {
  if (!context.live()) return "The connection is cut. Nothing was sent.";
  const words = action === "edit" ? { text: typed } : action === "reject" ? { reason: typed } : {};
  const body = { claim: card.claim, action, ...words, shown_sha256: context.sha256 };
  try {
    stand(place, await context.api.json("POST", path(context), body), context, "", true);
  } catch (error) {
    if (context.signal.aborted || !(error instanceof Refused)) return "";
    const { status, problem } = error;
    if (problem.first) return void stand(place, problem.first, context, FIRST, true);
    if (status === 0 || status >= 500)
      return `${error.message} Whether it was recorded is not known: send it again, nothing is recorded twice.`;
    return WORDS[problem.code ?? ""] ?? `${error.message} Nothing was decided.`;
  }
}

/**
 * A decision as it stands. The focus goes there from what it replaces, and when the person just acted; from elsewhere it is not taken.
 * @param {Element} place @param {DecisionView} decision @param {Context} context @param {string} [lead] @param {boolean} [acted]
 */
function stand(place, decision, context, lead = "", acted = false) {
  const focused = document.activeElement;
  const follows = place.contains(focused) || (acted && focused === document.body);
  /** @param {MouseEvent} event */
  const again = ({ currentTarget }) => {
    /** @type {HTMLButtonElement} */ (currentTarget).disabled = true;
    retry(place, decision, context);
  };
  const box = h(
    "div",
    { class: "decided", tabindex: -1, role: "status" },
    h(
      "p",
      {},
      lead,
      h("b", {}, `✓ ${DONE[decision.action]}`),
      h("br"),
      h("small", {}, `${decision.by} · `, h("time", { datetime: decision.at }, clock(decision.at))),
    ),
    decision.action === "edit" && h("p", {}, h("q", {}, decision.text)),
    decision.reason && h("p", {}, `Reason: ${decision.reason}`),
    h(
      "p",
      { class: decision.write === "failed" ? "wrong" : "soft" },
      decision.write_words,
      " ",
      decision.written.join(", "),
    ),
    decision.write === "failed" && h("button", { type: "button", onclick: again }, "Try writing again"),
  );
  fill(place, box);
  if (follows) box.focus();
  if (decision.write === "pending") poll(place, decision.claim, context, lead, POLLS);
}

/** A moment as this reader writes day and time. @param {string} at */
function clock(at) {
  return new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** Ask how the writing went, until it is over. @param {Element} place @param {string} claim @param {Context} context @param {string} lead @param {number} left */
function poll(place, claim, context, lead, left) {
  setTimeout(async () => {
    if (context.signal.aborted || left === 0) return;
    const list = await context.api.json("GET", path(context)).catch(() => []);
    /** @type {DecisionView | undefined} */
    const decision = list.find((/** @type {DecisionView} */ each) => each.claim === claim);
    if (context.signal.aborted) return;
    if (decision && decision.write !== "pending") stand(place, decision, context, lead);
    else poll(place, claim, context, lead, left - 1);
  }, 1_000);
}

/** The very same decision once more writes what could not be written. @param {Element} place @param {DecisionView} decision @param {Context} context */
async function retry(place, decision, context) {
  const { claim, action, text } = decision;
  const body = { claim, action, ...(action === "edit" && { text }), shown_sha256: context.sha256 };
  let lead = "";
  const told = await context.api.json("POST", path(context), body).catch((error) => {
    if (!error.problem?.first) lead = `${error instanceof Refused ? error.message : "The answer cannot be read."} `;
    return error.problem?.first;
  });
  if (!context.signal.aborted) stand(place, told ?? decision, context, lead, true);
}
