// The app in the panel: launched by the hospital's server, shown in a frame, taken away at once when the patient is left.
import { all, one, hit } from "./dom.js";
import { Conversation } from "./messages.js";
import { fold } from "./panel.js";
import { post } from "./post.js";

const area = () => one("[data-frame]", HTMLElement);
const patient = () => one("[data-patient]", HTMLElement).dataset.patient ?? "";
const app = () => one("[data-panel]", HTMLElement).dataset.app ?? "";

/**
 * What the hospital answers when it has minted a launch.
 * @typedef {{ url: string, origin: string, handle: string, study: string }} Launched
 */

/** @type {Conversation | null} */
let conversation = null;
let turn = 0;

/** @param {string} words */
function note(words, bad = false) {
  const place = one("[data-note]", HTMLElement);
  place.textContent = words;
  place.classList.toggle("bad", bad);
}

/** The app is told that its patient is left; resolves when it has heard, or after a moment without. */
export function tellClosed() {
  return conversation?.send("patient-close", { patient: { reference: `Patient/${patient()}` } }) ?? Promise.resolve();
}

/** Nothing of the app is to be seen from now on; it is told, and then its window is gone. */
export async function leave() {
  turn += 1;
  area().hidden = true;
  await tellClosed();
  close();
}

function close() {
  conversation?.end();
  conversation?.frame.remove();
  conversation = null;
}

/**
 * @param {string} [study] id of the ImagingStudy to look at; the newest without
 * @param {boolean} [emergency] whether the glass is broken
 */
export async function launch(study, emergency = false) {
  close();
  const own = ++turn;
  note(`Opening ${app()} …`);
  mark("");
  try {
    const minted = await post(`/chart/${encodeURIComponent(patient())}/launch`, {
      ...(study && { study }),
      ...(emergency && { emergency }),
    });
    if (own !== turn) return;
    open(minted);
  } catch {
    if (own === turn) note("The hospital could not launch it. “Launch again” tries once more.", true);
  }
}

/** @param {Launched} launched */
function open({ url, origin, handle, study }) {
  const frame = document.createElement("iframe");
  frame.title = app();
  frame.referrerPolicy = "no-referrer";
  frame.src = url;
  area().replaceChildren(frame);
  area().hidden = false;
  conversation = new Conversation(frame, origin, handle, { done: () => fold(true) });
  note("");
  mark(study);
}

/**
 * Show which study the app has open, and let a full page open the same.
 * @param {string} study id of the ImagingStudy; "" for none
 */
function mark(study) {
  for (const entry of all("[data-study]", HTMLElement))
    one(".opened", HTMLElement, entry).hidden = entry.dataset.study !== study;
  one('[data-whole-page] [name="study"]', HTMLInputElement).value = study;
}

/** Break the glass, once somebody has said yes to what that means. */
function breakGlass() {
  if (!confirm("Open this chart in an emergency? Every read is recorded as such.")) return;
  one(".panel-menu", HTMLDetailsElement).open = false;
  fold(false);
  launch(undefined, true);
}

export function launching() {
  one("[data-launch]", HTMLButtonElement).addEventListener("click", () => launch());
  one("[data-emergency]", HTMLButtonElement).addEventListener("click", breakGlass);
  document.addEventListener("click", (event) => {
    const button = hit(event, "[data-open-study]", HTMLButtonElement);
    if (!button) return;
    fold(false);
    launch(button.dataset.openStudy);
  });
  window.addEventListener("pagehide", () => {
    tellClosed();
    close();
  });
  launch();
}
