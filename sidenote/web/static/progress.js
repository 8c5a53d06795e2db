// The steps of a review while it runs: what is done, what is being done now, and for how long.
import { h } from "./dom.js";
import { say } from "./ended.js";
import { part } from "./parts.js";

/** @typedef {import("./wire.js").StepEvent} StepEvent */

const STEPS = /** @type {Record<StepEvent["step"], string>} */ ({
  bind: "Holding on to this patient",
  chart: "Reading the chart",
  study: "Finding the study",
  read: "Reading the image",
  retrieve: "Looking for similar cases",
  gather: "Gathering the evidence",
  draft: "Drafting sentences",
  ground: "Checking each against its evidence",
  guard: "Asking the policies",
  present: "Putting it in order",
  record: "Sealing the record",
});
const MARKS = { start: "◉", done: "✓" };
const seconds = (/** @type {number} */ ms) => `${(ms / 1000).toFixed(1)} s`;

/** The list, and what to tell it. @param {AbortSignal} signal */
export function progress(signal) {
  const began = performance.now();
  const clock = h("span", { "aria-hidden": "true" });
  const rows = new Map(Object.entries(STEPS).map(([step, words]) => [step, row(words)]));
  const element = part("Reviewing", clock, h("ol", { class: "sheet steps" }, ...rows.values()));
  const timer = setInterval(() => (clock.textContent = seconds(performance.now() - began)), 100);
  signal.addEventListener("abort", () => clearInterval(timer));

  /** @param {StepEvent} event */
  const tell = ({ step, state, ms }) => {
    const [mark, , time] = rows.get(step)?.children ?? [];
    if (!mark || !time) return;
    rows.get(step)?.setAttribute("data-state", state);
    mark.textContent = MARKS[state];
    time.textContent = state === "done" && ms != null ? seconds(ms) : "";
    if (state === "start") say(STEPS[step]);
  };
  return { element, tell, stop: () => clearInterval(timer) };
}

/** @param {string} words */
const row = (words) => h("li", {}, h("span", { "aria-hidden": "true" }, "○"), h("span", {}, words), h("small", {}));
