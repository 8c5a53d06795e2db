// Elements of the page by selector, each of the kind that the caller needs.

/**
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} kind
 * @param {ParentNode} within
 * @returns {T | null} the first that fits; null for none, or when it is of another kind
 */
export function found(selector, kind, within = document) {
  const element = within.querySelector(selector);
  return element instanceof kind ? element : null;
}

/**
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} kind
 * @param {ParentNode} within
 * @returns {T} the first that fits; throws when the page has none of that kind
 */
export function one(selector, kind, within = document) {
  const element = found(selector, kind, within);
  if (!element) throw new Error(`the page has no ${kind.name} ${selector}`);
  return element;
}

/**
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T[]} all that fit and are of that kind, in the order of the page
 */
export function all(selector, kind) {
  return [...document.querySelectorAll(selector)].flatMap((element) => (element instanceof kind ? [element] : []));
}

/**
 * @template {Element} T
 * @param {Event} event
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T | null} what the event happened to or in; null for none
 */
export function hit(event, selector, kind) {
  const element = event.target instanceof Element ? event.target.closest(selector) : null;
  return element instanceof kind ? element : null;
}
