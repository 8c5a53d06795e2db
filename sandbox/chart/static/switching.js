// Changing the patient. A careful chart takes the app away first. A careless one keeps it: then the app is told, and must go blank by
// itself.
import { all, one, hit } from "./dom.js";
import { leave, tellClosed } from "./launch.js";
import { finding } from "./patients.js";

const KEEP = "chart-keep-panel";

// The one place where text becomes markup: a page of this server, which escapes whatever the record holds.
/** @typedef {{ createHTML: (text: string) => string }} Policy */
/** @type {Policy} */
const asItIs = { createHTML: (text) => text };
const { trustedTypes } =
  /** @type {Window & { trustedTypes?: { createPolicy: (name: string, rules: Policy) => Policy } }} */ (window);
const pages = trustedTypes?.createPolicy("chart", asItIs) ?? asItIs;

/** The patient who was chosen last: what an earlier choice still brings is dropped. */
let wanted = "";

/** @param {string} address */
async function swap(address) {
  tellClosed();
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  const text = await answer.text();
  if (address !== wanted) return;
  if (!answer.ok || answer.redirected) return location.assign(address);
  const next = new DOMParser().parseFromString(pages.createHTML(text), "text/html");
  for (const part of all("[data-swap]", HTMLElement)) {
    const other = next.querySelector(`[data-swap="${part.dataset.swap}"]`);
    if (other) part.replaceWith(document.importNode(other, true));
  }
  document.title = next.title;
  history.pushState(null, "", address);
  const whole = one("[data-whole-page]", HTMLFormElement, next);
  one("[data-whole-page]", HTMLFormElement).action = whole.getAttribute("action") ?? "";
  one("[data-note]", HTMLElement).textContent = "The chart has changed. “Launch again” opens the app for this patient.";
  finding();
}

export function switching() {
  const keep = one("[data-keep]", HTMLInputElement);
  keep.checked = sessionStorage.getItem(KEEP) === "yes";
  keep.addEventListener("change", () => sessionStorage.setItem(KEEP, keep.checked ? "yes" : "no"));
  document.addEventListener("click", (event) => {
    const link = hit(event, "a[data-switch]", HTMLAnchorElement);
    if (!link || event.defaultPrevented || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    wanted = link.href;
    if (keep.checked) swap(wanted).catch(() => location.assign(wanted));
    else leave().then(() => location.assign(wanted));
  });
  window.addEventListener("popstate", () => location.reload());
}
