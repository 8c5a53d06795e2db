// What the parts of a review are built of.
import { h } from "./dom.js";

let count = 0;

/** A section with its heading. @param {string} title @param {Child} aside @param {...Child} children */
export function part(title, aside, ...children) {
  const id = `part-${++count}`;
  return h("section", { "aria-labelledby": id }, h("h2", { id }, title, aside && h("small", {}, aside)), ...children);
}

/** A part that has nothing to say. */
export const nothing = () => h("section", { hidden: true });

/** @param {Child} text @param {() => void} onclick @param {import("./dom.js").Attributes} [more] */
export const tool = (text, onclick, more) => h("button", { type: "button", class: "tool", onclick, ...more }, text);

/** @param {Element} button @param {boolean} pressed */
export const press = (button, pressed) => button.setAttribute("aria-pressed", `${pressed}`);

/** A group of buttons, of which one may be pressed. @param {string} label @param {...Child} children */
export const group = (label, ...children) =>
  h("div", { class: "group", role: "group", "aria-label": label }, ...children);

/** A dialog with its heading and a way out. @param {string} title @param {...Child} children */
export function dialog(title, ...children) {
  const id = `part-${++count}`;
  const head = h(
    "header",
    {},
    h("h2", { id }, title),
    tool("Close", () => box.close()),
  );
  const box = h("dialog", { "aria-labelledby": id }, head, ...children);
  return box;
}

/** @param {readonly Child[]} items */
export const list = (items) => items.length > 0 && h("ul", {}, ...items.map((item) => h("li", {}, item)));
