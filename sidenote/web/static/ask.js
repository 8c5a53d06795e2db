// Follow-up questions on the same evidence, and their answers.
import { card, held } from "./cards.js";
import { fill, h } from "./dom.js";
import { evidenceList } from "./evidence.js";
import { part } from "./parts.js";
import { Refused } from "./session.js";

/** @typedef {import("./context.js").Context} Context */

/** @param {Context} context */
export function ask(context) {
  const input = h("input", {
    type: "text",
    "aria-label": "Ask about this evidence",
    placeholder: "Ask about this evidence…",
    maxlength: 1000,
    autocomplete: "off",
  });
  const button = h("button", {}, "Ask");
  const wrong = h("p", { class: "wrong", role: "alert" });
  const answers = h("div", { "aria-live": "polite" });
  /** @param {SubmitEvent} event */
  const onsubmit = async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text || button.disabled) return;
    button.disabled = true;
    fill(wrong);
    try {
      const told = await context.api.json("POST", `reviews/${context.review.review_id}/questions`, { text });
      if (context.signal.aborted) return;
      answers.prepend(answer(told, context));
      if (input.value.trim() === text) input.value = ""; // what was typed meanwhile is the next question
    } catch (error) {
      if (!context.signal.aborted) fill(wrong, error instanceof Refused ? error.message : "The answer cannot be read.");
    }
    button.disabled = false;
  };
  const section = part(
    "Ask",
    "the evidence of this review alone",
    h("form", { onsubmit }, input, button),
    wrong,
    answers,
  );
  section.classList.add("ask");
  return section;
}

let answered = 0;

/** @param {import("./wire.js").AnswerView} told @param {Context} context */
function answer(told, context) {
  const prefix = `answer-${++answered}`;
  const fresh = told.evidence.filter(({ ids }) => !ids.some((id) => context.rows.has(id)));
  const known = told.evidence.filter((row) => !fresh.includes(row)).map(({ ids }) => ids[0] ?? "");
  return h(
    "div",
    { class: "answer" },
    h("h3", {}, told.question),
    h("p", { class: "soft" }, told.words, " ", told.cards.length === 0 && context.chips(known)),
    ...told.cards.map((view) => card({ ...view, decidable: false }, context, prefix)),
    ...told.withheld.map((view) => held(view, context)),
    fresh.length > 0 && evidenceList(fresh, context),
  );
}
