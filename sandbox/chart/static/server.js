// The switch that makes the hospital's server misbehave, and the banner that says so in every chart.
import { one } from "./dom.js";
import { post } from "./post.js";

const form = () => one("[data-server]", HTMLFormElement);
/** @param {"slow" | "down" | "mixed"} name */
const box = (name) => one(`[name="${name}"]`, HTMLInputElement, form());
const refusing = () => one('[name="refused"]', HTMLSelectElement, form());

/** @param {string[]} sentences what the server does, one each */
function show(sentences) {
  const banner = one("[data-trouble]", HTMLElement);
  banner.hidden = sentences.length === 0;
  one("[data-sentences]", HTMLElement, banner).textContent = sentences.join(" ");
  one("#server > summary", HTMLElement).classList.toggle("on", sentences.length > 0);
}

function plan() {
  const refused = refusing().value;
  return {
    slow: box("slow").checked,
    down: box("down").checked,
    mixed: box("mixed").checked,
    refused: refused ? [refused] : [],
  };
}

/** @param {string} words */
const tell = (words) => (one("[data-told]", HTMLElement, form()).textContent = words);

async function follow() {
  try {
    show((await post("/chart/_/server", plan())).sentences);
    tell("The server does so from now on.");
  } catch {
    tell("The hospital did not take that. Load the page again.");
  }
}

async function endSessions() {
  try {
    await post("/chart/_/server/sessions", {});
    tell("Every session that was open is over. What asks next gets 401.");
  } catch {
    tell("The hospital did not take that. Load the page again.");
  }
}

/** Another tab may have changed it: look when this one is looked at again. */
async function look() {
  if (document.visibilityState !== "visible") return;
  const answer = await fetch("/chart/_/server").catch(() => null);
  if (answer?.ok && !answer.redirected) show((await answer.json()).sentences);
}

export function serverSwitch() {
  form().addEventListener("change", follow);
  form().addEventListener("submit", (event) => event.preventDefault());
  one("[data-behave]", HTMLButtonElement, form()).addEventListener("click", () => {
    for (const input of form().querySelectorAll("input")) input.checked = false;
    refusing().value = "";
    follow();
  });
  one("[data-end-sessions]", HTMLButtonElement, form()).addEventListener("click", endSessions);
  document.addEventListener("visibilitychange", look);
}
