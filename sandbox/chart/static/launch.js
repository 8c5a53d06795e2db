// The app in the panel: launched by the hospital's server, shown in a frame, taken away at once when the patient is left.
import { Conversation } from "./messages.js";
import { fold } from "./panel.js";
import { post } from "./post.js";

const area = () => document.querySelector("[data-frame]");
const patient = () => document.querySelector("[data-patient]").dataset.patient;
const app = () => document.querySelector("[data-panel]").dataset.app;

/** @type {Conversation | null} */
let conversation = null;
let turn = 0;

function note(words, bad = false) {
  const place = document.querySelector("[data-note]");
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

/** @param {string | undefined} study id of the ImagingStudy to look at; the newest without */
export async function launch(study) {
  close();
  const own = ++turn;
  note(`Opening ${app()} …`);
  mark("");
  try {
    const minted = await post(`/chart/${encodeURIComponent(patient())}/launch`, study ? { study } : {});
    if (own !== turn) return;
    open(minted);
  } catch {
    if (own === turn) note("The hospital could not launch it. “Launch again” tries once more.", true);
  }
}

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

/** Show which study the app has open, and let a full page open the same. */
function mark(study) {
  for (const entry of document.querySelectorAll("[data-study]")) entry.querySelector(".opened").hidden = entry.dataset.study !== study;
  document.querySelector("[data-whole-page]").elements.study.value = study;
}

export function launching() {
  document.querySelector("[data-launch]").addEventListener("click", () => launch());
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-open-study]");
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
