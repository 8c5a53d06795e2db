// The page from its launch to its end: begins a session, follows its review, and leaves nothing behind.
import { ask } from "./ask.js";
import { banner, state } from "./banner.js";
import { cards, escalates, withheld } from "./cards.js";
import { contextOf, digest } from "./context.js";
import { standing } from "./decide.js";
import { fill, h } from "./dom.js";
import { alarm, declare, main, plain, say } from "./ended.js";
import { evidence } from "./evidence.js";
import { foot } from "./foot.js";
import { listen } from "./messages.js";
import { missing } from "./missing.js";
import { policies } from "./policies.js";
import { progress } from "./progress.js";
import { api, forget, hold, Refused, root, windowSecret } from "./session.js";
import { similar } from "./similar.js";
import * as theme from "./theme.js";
import { study } from "./viewer.js";
import { voices } from "./voices.js";

/** @typedef {import("./wire.js").SessionOpened} SessionOpened */
/** @typedef {import("./wire.js").ReviewView} ReviewView */
/** @typedef {import("./context.js").Context} Context */

const AGAIN = "Open Sidenote again from the chart.";
const CUT = "Incomplete, not to be used: the connection is cut. Trying again…";
const CUT_MOST = 120_000; // longer, and a session that has ended would still be shown

let over = true;

/** Show nothing of before any longer, and say why. @param {string} title @param {string} words @param {boolean} [tell] whether the server is told */
function end(title, words, tell = false) {
  if (over) return;
  over = true;
  forget(tell);
  theme.wear({});
  declare(false);
  plain("ended", title, h("p", {}, words), h("p", { class: "soft" }, AGAIN));
}

/** @param {Refused} refused */
const refusedOver = (refused) => end("This session is over", refused.problem.detail || refused.message);

/** @param {unknown} error @param {string} title */
function failed(error, title) {
  const told =
    error instanceof Refused ? [error.message, error.problem.detail].filter(Boolean) : ["This page is at fault."];
  plain("failed", title, ...told.map((words) => h("p", {}, words)), h("p", { class: "soft" }, AGAIN));
}

/** @param {string} iss @param {string} [launch] */
async function launch(iss, launch) {
  let secret;
  try {
    secret = windowSecret(true);
  } catch {
    return popOut();
  }
  plain("launching", "Signing in at the EHR…");
  try {
    const begun = await api.json("POST", "launch", { iss, launch: launch ?? null, window: secret });
    const url = new URL(begun.authorize_url);
    if (!/^https?:$/.test(url.protocol)) throw new Refused(200, {});
    location.replace(url);
  } catch (error) {
    failed(error, "Sidenote cannot be opened");
  }
}

/** A frame whose storage is blocked cannot tell its tab from another: a window of its own can. */
function popOut() {
  const link = h(
    "a",
    { class: "button", href: location.href, target: "_blank", rel: "noopener noreferrer" },
    "Open in a window",
  );
  plain(
    "blocked",
    "Your browser keeps no storage for a frame",
    h("p", {}, "Sidenote can open in a window of its own instead."),
    link,
  );
}

/** @param {string} ehr */
async function callback(ehr) {
  const query = location.search.slice(1);
  history.replaceState(null, "", location.pathname);
  let secret = "";
  try {
    secret = windowSecret(false);
  } catch {
    // Without storage this tab began nothing.
  }
  if (!query || !secret)
    return plain(
      "start",
      "Open Sidenote from the chart",
      h("p", {}, "This page keeps nothing: neither a patient nor a sign-in."),
    );
  plain("opening", "Opening the chart…");
  try {
    run(await api.json("POST", "session", { ehr, query, window: secret }));
  } catch (error) {
    failed(error, "This sign-in did not work");
  }
}

async function choose() {
  plain("start", "A second reader beside the chart");
  const said =
    "Sidenote reads one patient's record and images, and says what may be worth considering: each sentence with its evidence.";
  /** @type {readonly import("./wire.js").EhrChoice[]} */
  const ehrs = await api.json("GET", "ehrs").catch((error) => failed(error, "Sidenote cannot be opened") ?? []);
  if (ehrs.length === 0) return;
  const choices = ehrs.map(({ title, iss }) =>
    h("li", {}, h("button", { type: "button", onclick: () => launch(iss) }, title)),
  );
  main.firstElementChild?.append(h("p", {}, said), h("p", {}, "Begin at:"), h("ul", {}, ...choices));
}

/** @param {SessionOpened} opened */
function run(opened) {
  over = false;
  const signal = hold(opened.handle, refusedOver);
  theme.wear(opened.style);
  declare(opened.emergency);
  if (opened.messaging) {
    const close = () => end("The patient was closed in the chart", "What was shown belonged to that patient.", true);
    listen(opened.messaging, close, signal);
  }
  follow(opened, opened.review_id, signal);
}

/** @param {SessionOpened} opened @param {string} id @param {AbortSignal} signal */
async function follow(opened, id, signal) {
  const steps = progress(signal);
  const stop = new AbortController();
  signal.addEventListener("abort", () => stop.abort());
  let cut = false;
  let timer = 0;
  main.dataset.state = "running";
  fill(main, steps.element);

  /** @type {Record<string, (data: any, text: string) => unknown>} */
  const heard = {
    step: steps.tell,
    banner: (patient) => fill(main, banner(patient, opened), steps.element),
    review: async (review, text) => {
      steps.stop();
      const sha256 = await digest(text);
      if (!stop.signal.aborted) present(contextOf({ review, opened, sha256, api, signal, live: () => !cut }));
    },
    failed: (problem) => {
      stop.abort();
      steps.stop();
      failed(new Refused(problem.status, problem), "This review could not be made");
      if (problem.retryable)
        main.firstElementChild?.append(h("button", { onclick: (event) => again(opened, signal, event) }, "Try again"));
    },
    ended: ({ reason, words }) => end(reason === "signed_out" ? "Signed out" : "This session is over", words),
  };
  /** @param {boolean} now */
  const onCut = (now) => {
    if (now === cut || signal.aborted) return;
    cut = now;
    main.classList.toggle("cut", cut);
    alarm(cut ? CUT : "");
    clearTimeout(timer);
    if (cut)
      timer = setTimeout(
        () => end("The connection was lost", "Sidenote could no longer hear whether this was still current.", true),
        CUT_MOST,
      );
  };
  /** What cannot be shown whole is not shown. @param {string} name @param {string} data */
  const onEvent = async (name, data) => {
    try {
      await heard[name]?.(JSON.parse(data), data);
    } catch (error) {
      if (!stop.signal.aborted) failed(error, "This review cannot be shown");
      stop.abort();
    }
  };
  try {
    await api.stream(`reviews/${id}/events`, onEvent, stop.signal, onCut);
  } catch (error) {
    if (!signal.aborted) end("This review is no longer there", error instanceof Refused ? error.message : "");
  }
}

/** @param {SessionOpened} opened @param {AbortSignal} signal @param {{currentTarget: HTMLButtonElement}} event */
async function again(opened, signal, { currentTarget }) {
  currentTarget.disabled = true; // a second click would begin a second review
  try {
    const { review_id } = await api.json("POST", "reviews", {});
    follow(opened, review_id, signal);
  } catch (error) {
    if (!signal.aborted) failed(error, "This review could not be made");
  }
}

/** @param {Context} context */
function present(context) {
  const { review, opened } = context;
  const rules = policies(review.policies, context);
  const loud = review.elsewhere.filter(escalates);
  const calm = review.elsewhere.filter((policy) => !escalates(policy));
  const column = (/** @type {string} */ name, /** @type {HTMLElement[]} */ ...parts) =>
    h("div", { class: name }, ...parts);
  const view = h(
    "div",
    { class: "view" },
    column("first", cards("Before anything else", `as of ${review.as_of_words}`, review.first, loud, context)),
    column("picture", study(review.study ?? null, context)),
    column(
      "claims",
      cards("Consider", "options, for a person to weigh", review.consider, calm, context),
      cards("What was seen", "", review.seen, [], context),
      withheld(review.withheld, context),
    ),
    column("beside", voices(review.voices, context), similar(review.similar ?? null, context)),
    column("below", rules, evidence(review.evidence, context), missing(review.missing, context), ask(context)),
  );
  const signOut = () => end("Signed out", "Nothing of the patient is kept here.", true);
  fill(main, banner(review.patient, opened, review), state(review, opened), view, foot(context, rules, signOut));
  main.dataset.state = "review";
  document.title = "Review · Sidenote";
  say(`The review is there. ${review.first.length} before anything else, ${review.consider.length} to consider.`);
  if (opened.may_decide) void standing(view, context);
}

function boot() {
  const toggle = document.getElementById("theme");
  if (toggle) theme.begin(toggle);
  const left = () => end("This page was left", "Nothing of the patient is kept here.", true);
  addEventListener("pagehide", left);
  addEventListener("pageshow", (event) => event.persisted && left());
  const path = location.pathname.slice(root.pathname.length);
  const query = new URLSearchParams(location.search);
  const iss = query.get("iss");
  if (path === "launch" && iss) launch(iss, query.get("launch") ?? "");
  else if (path.startsWith("callback/")) callback(path.slice("callback/".length));
  else choose();
}

boot();
