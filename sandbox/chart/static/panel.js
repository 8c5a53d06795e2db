// The panel's width and whether it is folded away: by pointer, by keyboard, and remembered in this browser.
import { one } from "./dom.js";

const LEAST = 320;
const MOST = 720;
const STEP = 20;
const workspace = () => one("[data-workspace]", HTMLElement);
const folding = () => one("[data-fold]", HTMLButtonElement);
const grip = () => one("[data-grip]", HTMLElement);

const kept = {
  /** @param {string} name */
  read: (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  },
  /** @param {string} name @param {string} value */
  write: (name, value) => {
    try {
      localStorage.setItem(name, value);
    } catch {
      /* a browser that keeps nothing: the width lasts as long as the page */
    }
  },
};

function width() {
  return Number(grip().getAttribute("aria-valuenow"));
}

/** @param {number} wanted pixels */
function setWidth(wanted) {
  const chosen = Math.round(Math.min(MOST, Math.max(LEAST, wanted)));
  workspace().style.setProperty("--panel", `${chosen}px`);
  grip().setAttribute("aria-valuenow", String(chosen));
  kept.write("chart-panel-width", String(chosen));
}

/** @param {boolean} folded */
export function fold(folded) {
  workspace().classList.toggle("folded", folded);
  const button = folding();
  const word = button.firstChild;
  button.setAttribute("aria-expanded", String(!folded));
  if (word) word.textContent = folded ? "Show" : "Hide";
}

/** @param {PointerEvent} event */
function drag(event) {
  event.preventDefault();
  grip().focus();
  grip().setPointerCapture(event.pointerId);
  workspace().classList.add("dragging");
  /** @param {PointerEvent} moved */
  const move = (moved) => setWidth(workspace().getBoundingClientRect().right - moved.clientX);
  const end = () => {
    grip().removeEventListener("pointermove", move);
    workspace().classList.remove("dragging");
  };
  grip().addEventListener("pointermove", move);
  grip().addEventListener("lostpointercapture", end, { once: true });
}

/** @param {KeyboardEvent} event */
function key(event) {
  /** @type {Record<string, number | undefined>} */
  const widths = { ArrowLeft: width() + STEP, ArrowRight: width() - STEP, Home: LEAST, End: MOST };
  const to = widths[event.key];
  if (to === undefined) return;
  event.preventDefault();
  setWidth(to);
}

export function panel() {
  setWidth(Number(kept.read("chart-panel-width")) || 400);
  grip().addEventListener("pointerdown", drag);
  grip().addEventListener("keydown", key);
  grip().addEventListener("dblclick", () => setWidth(400));
  folding().addEventListener("click", () => fold(!workspace().classList.contains("folded")));
}
