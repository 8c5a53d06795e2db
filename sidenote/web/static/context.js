// What every part of a review may use: the review, its server, and the way from a sentence to its evidence and back.
import { h } from "./dom.js";

/**
 * @typedef {object} Context
 * @property {import("./wire.js").ReviewView} review
 * @property {import("./wire.js").SessionOpened} opened
 * @property {string} sha256 of the review's bytes as they came: what a decision is bound to
 * @property {import("./session.js").Api} api
 * @property {AbortSignal} signal aborts when nothing is to be shown any longer
 * @property {() => boolean} live whether the stream stands, so that the end of the session would be heard
 * @property {Map<string, HTMLElement>} rows evidence by id
 * @property {(ids: readonly string[]) => HTMLElement} chips
 * @property {(id: string, from?: HTMLElement) => void} jump
 * @property {(id: string) => void} [showRegion] registered by the viewer
 * @property {(id: string) => void} [showCase] registered by the similar cases
 */

/** @param {Pick<Context, "review" | "opened" | "sha256" | "api" | "signal" | "live">} parts @returns {Context} */
export function contextOf(parts) {
  /** @type {Map<string, HTMLElement>} */
  const rows = new Map();
  let leave = () => {};

  /** @param {string} id @param {Element | null} [from] */
  const jump = (id, from = document.activeElement) => {
    const row = rows.get(id);
    if (!row) return;
    leave();
    row.closest("details")?.setAttribute("open", "");
    const back = () => {
      leave();
      if (from instanceof HTMLElement && from.isConnected) show(from);
    };
    const button = h("button", { type: "button", class: "link", onclick: back }, "↩ Back to the sentence");
    /** @param {KeyboardEvent} event */
    const escape = (event) => void (event.key === "Escape" && back());
    leave = () => {
      row.classList.remove("on");
      row.removeEventListener("keydown", escape);
      button.remove();
    };
    row.classList.add("on");
    row.addEventListener("keydown", escape);
    row.querySelector(".rowacts")?.append(button);
    show(row);
  };

  const chips = (/** @type {readonly string[]} */ ids) =>
    h("span", { class: "cites" }, ...ids.map((id) => chip(id, jump)));
  return { ...parts, rows, jump, chips };
}

/** @param {string} id @param {Context["jump"]} jump */
function chip(id, jump) {
  /** @param {MouseEvent} event */
  const onclick = (event) => {
    event.preventDefault();
    jump(id, /** @type {HTMLElement} */ (event.currentTarget));
  };
  return h("a", { class: "cite", href: `#${id}`, "aria-label": `Evidence ${id}`, onclick }, id);
}

/** @param {HTMLElement} element */
function show(element) {
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "center" });
}

/** SHA-256 of what was shown, which a decision on it names. @param {string} text */
export async function digest(text) {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
