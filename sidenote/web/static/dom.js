// Elements are built here and nowhere else: text is text, attributes are named, and no markup is ever parsed.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Attributes */

/**
 * An HTML element. `onclick` and its like take functions; `true` writes an empty attribute; null, undefined and false write none.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  element.append(...children.flat().filter(shown).map(node));
  return element;
}

/** @param {Element} element @param {string} name @param {Attributes[string]} value */
function set(element, name, value) {
  if (typeof value === "function") element.addEventListener(name.slice(2), value);
  else if (value === true) element.setAttribute(name, "");
  else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, String(value));
}

/** @param {Child} child @returns {child is Node | string | number} */
function shown(child) {
  return child !== null && child !== undefined && child !== false && child !== "";
}

/** @param {Node | string | number} child @returns {Node | string} */
function node(child) {
  return typeof child === "number" ? String(child) : child;
}

/**
 * Put children in the place of what an element holds.
 * @param {Element} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...children.filter(shown).map(node));
}
