// The switch that makes the hospital's server misbehave, and the banner that says so in every chart.
import { post } from "./post.js";

const form = () => document.querySelector("[data-server]");

function show(sentences) {
  const banner = document.querySelector("[data-trouble]");
  banner.hidden = sentences.length === 0;
  banner.querySelector("[data-sentences]").textContent = sentences.join(" ");
  document.querySelector("#server > summary").classList.toggle("on", sentences.length > 0);
}

function plan() {
  const fields = form().elements;
  const refused = fields.refused.value;
  return { slow: fields.slow.checked, down: fields.down.checked, mixed: fields.mixed.checked, refused: refused ? [refused] : [] };
}

const tell = (words) => (form().querySelector("[data-told]").textContent = words);

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
  form()
    .querySelector("[data-behave]")
    .addEventListener("click", () => {
      for (const box of form().querySelectorAll("input")) box.checked = false;
      form().elements.refused.value = "";
      follow();
    });
  form().querySelector("[data-end-sessions]").addEventListener("click", endSessions);
  document.addEventListener("visibilitychange", look);
}
