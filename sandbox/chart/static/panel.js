// The panel's width and whether it is folded away: by pointer, by keyboard, and remembered in this browser.

const LEAST = 320;
const MOST = 720;
const STEP = 20;
const workspace = () => document.querySelector("[data-workspace]");
const grip = () => document.querySelector("[data-grip]");

const kept = {
  read: (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  },
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

function setWidth(wanted) {
  const chosen = Math.round(Math.min(MOST, Math.max(LEAST, wanted)));
  workspace().style.setProperty("--panel", `${chosen}px`);
  grip().setAttribute("aria-valuenow", String(chosen));
  kept.write("chart-panel-width", String(chosen));
}

export function fold(folded) {
  workspace().classList.toggle("folded", folded);
  const button = document.querySelector("[data-fold]");
  button.setAttribute("aria-expanded", String(!folded));
  button.firstChild.textContent = folded ? "Show" : "Hide";
}

function drag(event) {
  event.preventDefault();
  grip().focus();
  grip().setPointerCapture(event.pointerId);
  workspace().classList.add("dragging");
  const move = (moved) => setWidth(workspace().getBoundingClientRect().right - moved.clientX);
  const end = () => {
    grip().removeEventListener("pointermove", move);
    workspace().classList.remove("dragging");
  };
  grip().addEventListener("pointermove", move);
  grip().addEventListener("lostpointercapture", end, { once: true });
}

function key(event) {
  const to = { ArrowLeft: width() + STEP, ArrowRight: width() - STEP, Home: LEAST, End: MOST }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  setWidth(to);
}

export function panel() {
  setWidth(Number(kept.read("chart-panel-width")) || 400);
  grip().addEventListener("pointerdown", drag);
  grip().addEventListener("keydown", key);
  grip().addEventListener("dblclick", () => setWidth(400));
  document.querySelector("[data-fold]").addEventListener("click", () => fold(!workspace().classList.contains("folded")));
}
