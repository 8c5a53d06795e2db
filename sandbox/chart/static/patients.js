// Finding a patient by typing, and going through a list with the arrow keys.
import { all, found, one } from "./dom.js";

/** @param {string} text */
const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** @param {HTMLInputElement} field @returns {HTMLElement} where its keys count, and where the number of those left is said */
const scope = (field) => field.closest(".sheet, main") ?? document.documentElement;

/** @param {HTMLInputElement} field */
function find(field) {
  const entries = all(`${field.dataset.find} [data-entry]`, HTMLElement);
  const words = folded(field.value).split(/\s+/).filter(Boolean);
  let left = 0;
  for (const entry of entries) {
    const text = folded(entry.textContent);
    entry.hidden = !words.every((word) => text.includes(word));
    left += entry.hidden ? 0 : 1;
  }
  one("[data-empty]", HTMLElement, scope(field)).hidden = left > 0;
  one("[data-count]", HTMLElement, scope(field)).textContent = words.length
    ? `${left} of ${entries.length} patients`
    : `${entries.length} patients`;
}

/** @param {HTMLInputElement} field @param {KeyboardEvent} event */
function step(field, event) {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const links = all(`${field.dataset.find} [data-entry]:not([hidden]) a`, HTMLElement);
  const at = links.findIndex((link) => link === document.activeElement);
  const to = at + (event.key === "ArrowDown" ? 1 : -1);
  if (at < 0 && document.activeElement !== field) return;
  event.preventDefault();
  if (to < 0) field.focus();
  else links[Math.min(to, links.length - 1)]?.focus();
}

export function finding() {
  for (const field of all("[data-find]", HTMLInputElement)) {
    if (field.dataset.ready) continue;
    field.dataset.ready = "yes";
    field.addEventListener("input", () => find(field));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") found(`${field.dataset.find} [data-entry]:not([hidden]) a`, HTMLElement)?.click();
    });
    scope(field).addEventListener("keydown", (event) => step(field, event));
  }
}
