// What answered, what vouches for it, and the way out.
import { h } from "./dom.js";
import { modelCard } from "./model_card.js";

/** @param {import("./context.js").Context} context @param {HTMLElement} rules the part of the policies @param {() => void} signOut */
export function foot(context, rules, signOut) {
  const { review, opened } = context;
  /** @param {string} words @param {() => void} onclick */
  const link = (words, onclick) => h("button", { type: "button", class: "link", onclick }, words);
  const toPolicies = () => {
    rules.tabIndex = -1;
    rules.focus();
    rules.scrollIntoView();
  };
  const versions = Object.entries(review.versions).filter(([, text]) => text);
  return h(
    "footer",
    { class: "foot" },
    h(
      "div",
      {},
      opened.image_model && link("Model card", () => openCard(context)),
      link(`${review.policies.length} policies checked`, toPolicies),
      h("span", { title: review.record }, `Record ${review.record.slice(0, 12)}`),
      link("Sign out", signOut),
    ),
    h("p", {}, `${review.ai_label} · as of ${review.as_of_words}`),
    h(
      "details",
      {},
      h("summary", {}, "What answered"),
      h("dl", {}, ...versions.map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text)))),
    ),
    h("p", {}, `${review.not_a_device}. Not for time-critical decisions.`),
  );
}

/** @param {import("./context.js").Context} context */
function openCard(context) {
  const dialog = modelCard(context);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
