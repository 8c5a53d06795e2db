// What the image model marked on an image: in words, in a list to choose from, and as lines on the canvas.
import { fill, h } from "./dom.js";
import { cloud, DASHES, lay, OUTLINE, outline, trace } from "./heat.js";
import { press, tool } from "./parts.js";

const VIEWS = { PA: "PA", AP: "AP", LL: "Lateral", RL: "Lateral", LAT: "Lateral" };

/** @param {ImageView} image */
export const viewWords = ({ view, frontal }) =>
  VIEWS[/** @type {"PA"} */ (view)] ?? (view || (frontal ? "Frontal" : "View not stated"));

/** Where a region lies; on a frontal view the sides are the patient's. @param {Region} region @param {boolean} frontal */
export function zone({ x0, y0, x1, y1 }, frontal) {
  const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
  const height = y1 - y0 > 0.7 ? ", whole height" : y < 0.4 ? " upper zone" : y < 0.6 ? " middle zone" : " lower zone";
  if (!frontal) return height.replace(/^\W+/, "");
  const across = x0 < 0.5 && x1 > 0.5 && Math.min(0.5 - x0, x1 - 0.5) > (x1 - x0) / 4;
  return (across ? (x1 - x0 > 0.6 ? "both sides" : "central") : x < 0.5 ? "right" : "left") + height;
}

/** The box around what is one half or more of a map. @param {Grid} grid @returns {Region} */
function around(grid) {
  if (!grid.length) return { x0: 0, y0: 0, x1: 1, y1: 1, score: 0 };
  const points = outline(grid).flat();
  const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
  return { x0: Math.min(...xs), y0: Math.min(...ys), x1: Math.max(...xs), y1: Math.max(...ys), score: 0 };
}

/** A box may stand for several findings, each with a map of its own: what both cite tells which.
 * @param {{evidence: readonly string[]}} one @param {{evidence: readonly string[]}} other */
const shares = (one, other) => one.evidence.some((id) => other.evidence.includes(id));

/** The strongest first. @param {ImageView} image @returns {Finding[]} */
export function findingsOf(image) {
  const frontal = image.frontal || /^(PA|AP)$/.test(image.view);
  const maps = image.heat_maps.map(({ finding, evidence, rows }) => ({ finding, evidence, rows }));
  const lone = image.boxes.filter((box) => !maps.some((map) => shares(map, box)));
  const found = [...maps, ...lone.map((box) => ({ ...box, rows: undefined }))].map(({ finding, evidence, rows }) => {
    const region = image.boxes.find((box) => shares(box, { evidence }))?.region;
    const where = region ?? around(rows ?? []);
    return { number: 0, name: finding, evidence, region, grid: rows, around: where, where: zone(where, frontal) };
  });
  found.sort((a, b) => b.around.score - a.around.score);
  return found.map((one, i) => ({ ...one, number: i + 1 }));
}

/** What is marked, and which of it is chosen. */
export class Regions {
  boxes = true;
  heat = false;
  opacity = 0.45;
  /** @type {Finding[]} */
  all = [];
  /** @type {Finding | undefined} */
  chosen;
  list = h("ol", { class: "finds" });
  /** For the pointer alone; the list says the same to everybody. */
  marks = h("div", { class: "marks", "aria-hidden": "true" });

  /** @param {Context} context @param {() => void} changed */
  constructor(context, changed) {
    this.context = context;
    this.changed = changed;
    const slider = h("input", { type: "range", min: 10, max: 100, value: 45, "aria-label": "Opacity of the heat map" });
    const percent = h("output", {}, "45 %");
    slider.oninput = () => {
      this.opacity = slider.valueAsNumber / 100;
      fill(percent, `${slider.value} %`);
      this.change({ heat: true });
    };
    this.buttons = {
      boxes: tool("Boxes", () => this.change({ boxes: !this.boxes })),
      heat: tool("Heat map", () => this.change({ heat: !this.heat })),
    };
    this.caution = h("p", { class: "soft" }, "The heat map shows where the model looked. It proves nothing.");
    this.tools = h(
      "div",
      {},
      h("div", { class: "tools" }, ...Object.values(this.buttons), slider, percent),
      this.list,
      this.caution,
    );
  }

  /** @param {ImageView} image */
  of(image) {
    this.all = findingsOf(image);
    fill(this.list, ...this.all.map((one) => this.#row(one)));
    fill(
      this.marks,
      ...this.all.map((one) => h("button", { type: "button", tabindex: -1, onclick: () => this.#marked(one) })),
    );
    this.tools.hidden = !this.all.length;
    this.change({ chosen: this.all[0] });
  }

  /** @param {Partial<Pick<Regions, "boxes" | "heat" | "chosen">>} change */
  change(change) {
    Object.assign(this, change);
    press(this.buttons.boxes, this.boxes);
    press(this.buttons.heat, this.heat);
    this.caution.hidden = !this.heat;
    this.list.querySelectorAll(".tool").forEach((button, i) => press(button, this.all[i] === this.chosen));
    this.changed();
  }

  /** In words, for the canvas's text alternative. */
  words() {
    const marked = this.all.map(
      ({ number, name, where, evidence }) => `${number} ${name}, ${where} (${evidence.join(", ")})`,
    );
    if (!marked.length) return "Nothing is marked on it.";
    return `Marked: ${marked.join("; ")}.${this.heat && this.chosen ? ` Heat map of ${this.chosen.name}.` : ""}`;
  }

  /** @param {Finding} one */
  #row(one) {
    const button = tool(one.name, () => this.change({ chosen: one }));
    return h(
      "li",
      {},
      button,
      h("span", {}, h("span", { class: "soft" }, one.where), " ", this.context.chips(one.evidence)),
    );
  }

  /** Once chooses, twice goes to the evidence. @param {Finding} one */
  #marked(one) {
    if (this.chosen === one && one.evidence[0]) this.context.jump(one.evidence[0]);
    else this.change({ chosen: one });
  }

  /** @param {CanvasRenderingContext2D} pen @param {Pane} pane */
  draw(pen, pane) {
    const { chosen } = this;
    if (this.heat && chosen?.grid) {
      chosen.picture ??= cloud(chosen.grid);
      chosen.lines ??= outline(chosen.grid);
      lay(pen, pane, chosen.picture, this.opacity);
      for (const line of chosen.lines) trace(pen, pane, line, OUTLINE, 1.5);
    }
    this.all.forEach((one, i) => {
      const mark = /** @type {HTMLElement} */ (this.marks.children[i]);
      const { x0, y0, x1, y1 } = one.around;
      const hidden = one !== chosen && one.around === chosen?.around;
      mark.hidden = hidden || !(one.region ? this.boxes : this.heat && one === chosen);
      if (mark.hidden) return;
      if (one.region) trace(pen, pane, [[x0, y0], [x1, y0], [x1, y1], [x0, y1]], DASHES[(one.number - 1) % 3], one === chosen ? 2 : 1); // prettier-ignore
      const [left, top] = pane.place(x0, y0);
      mark.textContent = one === chosen ? `${one.number} ${one.name} ${one.evidence.join(" ")}` : `${one.number}`;
      mark.style.translate = `${Math.max(0, left)}px ${Math.max(0, top - 24)}px`;
    });
  }
}
