// Light or dark, as the system has it until somebody chooses; and the EHR's own style, where it can be read.

const page = document.documentElement;
const COLOURS = [
  ["ground", "color_background", "ink", "color_text"],
  ["accent", "color_highlight"],
  ["critical", "color_error"],
  ["clear", "color_success"],
];
const WASHES = ["accent", "critical", "caution", "clear"];
const PAIRS = [
  ...["ink", "soft", ...WASHES].flatMap((name) => [
    [name, "ground"],
    [name, "sheet"],
  ]),
  ...WASHES.flatMap((name) => [
    [name, `${name}-wash`],
    ["ink", `${name}-wash`],
  ]),
];
const LEAST = 4.5; // WCAG 2.2, 1.4.3
const MEASURES = [
  ["radius", "dim_border_radius", "0px", "16px"],
  ["size", "dim_font_size", "12px", "18px"],
  ["gap", "dim_spacing_size", "8px", "20px"],
];

/** @type {Readonly<Record<string, string>>} */
let given = {};

/** Begin as the system has it, and follow `button`. @param {HTMLElement} button */
export function begin(button) {
  /** @param {boolean} dark */
  const show = (dark) => {
    page.dataset.theme = dark ? "dark" : "light";
    button.setAttribute("aria-pressed", String(dark));
    apply();
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", () => show(system.matches));
  button.addEventListener("click", () => show(page.dataset.theme !== "dark"));
  show(system.matches);
}

/** Take the EHR's style as far as every text stays readable (`smart_style_url`). @param {Readonly<Record<string, string>>} style */
export function wear(style) {
  given = style;
  apply();
}

function apply() {
  page.removeAttribute("style");
  for (const pairs of COLOURS) {
    const names = pairs.filter((_, n) => n % 2 === 0);
    names.forEach((name, n) => put(name, given[pairs[2 * n + 1] ?? ""]));
    if (!readable()) for (const name of names) page.style.removeProperty(`--${name}`);
  }
  for (const [name, key = "", low, high] of MEASURES) {
    if (/^[\d.]+(px|pt|em|rem)$/.test(given[key] ?? "")) put(name, `clamp(${low}, ${given[key]}, ${high})`);
  }
  put("body", given.font_family_body && `${given.font_family_body}, system-ui, sans-serif`);
}

/** @param {string | undefined} name @param {string | undefined} value */
const put = (name, value) => value && page.style.setProperty(`--${name}`, value);

function readable() {
  const style = getComputedStyle(page);
  const light = new Map(PAIRS.flat().map((name) => [name, luminance(style.getPropertyValue(`--${name}`).trim())]));
  return PAIRS.every(([text = "", ground = ""]) => contrast(light.get(text) ?? NaN, light.get(ground) ?? NaN) >= LEAST);
}

/** WCAG 2.2 contrast of two relative luminances; NaN where one is none. @param {number} one @param {number} other */
export const contrast = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);

/** WCAG 2.2 relative luminance of `#rgb` or `#rrggbb`; NaN of anything else, so that it is readable on nothing. @param {string} colour */
export function luminance(colour) {
  const digits = /^#([\da-f]{3}|[\da-f]{6})$/i.exec(colour)?.[1] ?? "";
  const long = digits.length === 3 ? [...digits].map((digit) => digit + digit).join("") : digits;
  const [red = NaN, green = NaN, blue = NaN] = (long.match(/../g) ?? []).map((pair) => {
    const part = parseInt(pair, 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
