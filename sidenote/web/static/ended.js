// A page that holds nothing of a patient: what it says before a session, when one is over, and when one could not begin.
import { fill, h } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */

const at = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
export const main = at("main");

/** Say something to whoever listens, once. @param {string} words */
export const say = (words) => fill(at("said"), words);

/** What must be seen whatever else is; empty takes it away. @param {string} words */
export const alarm = (words) => fill(at("alarm"), words);

/** What stands above everything as long as a session lasts. @param {boolean} emergency whether its access is an emergency's */
export const declare = (emergency) =>
  fill(at("emergency"), emergency ? "Emergency access. Every read is recorded as such." : "");

/** Put a plain page in the place of everything. @param {string} state @param {string} title @param {...Child} children */
export function plain(state, title, ...children) {
  document.title = "Sidenote";
  for (const dialog of document.querySelectorAll("dialog")) dialog.remove();
  alarm("");
  say("");
  main.className = "";
  main.dataset.state = state;
  const heading = h("h1", { tabindex: -1 }, title);
  fill(main, h("div", { class: "notice" }, heading, ...children));
  heading.focus();
}
