// Finding a patient by typing, and going through a list with the arrow keys.

const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** @param {HTMLInputElement} field */
function find(field) {
  const scope = field.closest(".sheet, main");
  const entries = [...document.querySelectorAll(`${field.dataset.find} [data-entry]`)];
  const words = folded(field.value).split(/\s+/).filter(Boolean);
  let left = 0;
  for (const entry of entries) {
    const text = folded(entry.textContent);
    entry.hidden = !words.every((word) => text.includes(word));
    left += entry.hidden ? 0 : 1;
  }
  scope.querySelector("[data-empty]").hidden = left > 0;
  scope.querySelector("[data-count]").textContent = words.length ? `${left} of ${entries.length} patients` : `${entries.length} patients`;
}

/** @param {HTMLInputElement} field @param {KeyboardEvent} event */
function step(field, event) {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const links = [...document.querySelectorAll(`${field.dataset.find} [data-entry]:not([hidden]) a`)];
  const at = links.indexOf(document.activeElement);
  const to = at + (event.key === "ArrowDown" ? 1 : -1);
  if (at < 0 && document.activeElement !== field) return;
  event.preventDefault();
  if (to < 0) field.focus();
  else links[Math.min(to, links.length - 1)]?.focus();
}

export function finding() {
  for (const field of document.querySelectorAll("[data-find]")) {
    if (field.dataset.ready) continue;
    field.dataset.ready = "yes";
    field.addEventListener("input", () => find(field));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") document.querySelector(`${field.dataset.find} [data-entry]:not([hidden]) a`)?.click();
    });
    (field.closest(".sheet, main") ?? document).addEventListener("keydown", (event) => step(field, event));
  }
}
