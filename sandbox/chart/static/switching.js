// Changing the patient. A careful chart takes the app away first. A careless one keeps it: then the app is told, and must go blank by
// itself.
import { leave, tellClosed } from "./launch.js";
import { finding } from "./patients.js";

const KEEP = "chart-keep-panel";
const keeps = () => document.querySelector("[data-keep]").checked;

// The one place where text becomes markup: a page of this server, which escapes whatever the record holds.
const pages = window.trustedTypes?.createPolicy("chart", { createHTML: (text) => text }) ?? { createHTML: (text) => text };

/** @param {string} address */
async function swap(address) {
  tellClosed();
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return location.assign(address);
  const next = new DOMParser().parseFromString(pages.createHTML(await answer.text()), "text/html");
  for (const part of document.querySelectorAll("[data-swap]")) {
    const other = next.querySelector(`[data-swap="${part.dataset.swap}"]`);
    if (other) part.replaceWith(document.importNode(other, true));
  }
  document.title = next.title;
  history.pushState(null, "", address);
  document.querySelector("[data-whole-page]").action = next.querySelector("[data-whole-page]").getAttribute("action");
  document.querySelector("[data-note]").textContent = "The chart has changed. “Launch again” opens the app for this patient.";
  finding();
}

export function switching() {
  const keep = document.querySelector("[data-keep]");
  keep.checked = sessionStorage.getItem(KEEP) === "yes";
  keep.addEventListener("change", () => sessionStorage.setItem(KEEP, keep.checked ? "yes" : "no"));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-switch]");
    if (!link || event.defaultPrevented || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    if (keeps()) swap(link.href).catch(() => location.assign(link.href));
    else leave().then(() => location.assign(link.href));
  });
  window.addEventListener("popstate", () => location.reload());
}
