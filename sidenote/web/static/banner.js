// Whose review this is, and how it ended, in one clear sentence.
import { h } from "./dom.js";

/** @typedef {import("./wire.js").ReviewView} ReviewView */
/** @typedef {import("./wire.js").SessionOpened} SessionOpened */

const STATES = /** @type {const} */ ({
  presented: ["✓", "Ready to read. Every sentence passed its checks; none is a decision."],
  needs_review: ["!", "Needs a person's review before any of it is used."],
  withheld: ["✕", "Withheld: a policy keeps this review back. Its reasons stand below."],
  abstained: ["?", "Sidenote abstains: it has nothing to say here that it could back."],
});

/** The patient, where the EHR does not show it itself. @param {import("./wire.js").PatientView} patient @param {SessionOpened} opened @param {ReviewView} [review] */
export function banner(patient, opened, review) {
  const study = review?.study;
  const prior = study?.priors[0];
  return h(
    "div",
    { class: "banner" },
    opened.shows_banner && h("h1", {}, patient.name),
    opened.shows_banner && h("p", { class: "soft" }, patient.detail),
    study &&
      h(
        "p",
        { class: "study" },
        [study.description, study.when].filter(Boolean).join(", "),
        prior && ` · earlier: ${prior.when}`,
      ),
  );
}

/** How the review ended and what was looked at. @param {ReviewView} review @param {SessionOpened} opened */
export function state(review, opened) {
  const [mark, words] = STATES[review.status];
  const [first = "", ...rest] = review.account;
  const off = opened.off.map(
    ({ what, reach }) => `${reach === "part" ? "Granted in part" : "Not granted"} by the EHR: ${what}`,
  );
  return h(
    "div",
    { class: "state", "data-status": review.status },
    h("b", { "aria-hidden": "true" }, mark),
    h(
      "div",
      {},
      h("p", {}, words),
      h("p", { class: "soft" }, first),
      rest.length + off.length > 0 &&
        h(
          "details",
          {},
          h("summary", {}, "What was looked at"),
          h("ul", {}, ...[...rest, ...off].map((text) => h("li", {}, text))),
        ),
    ),
  );
}
