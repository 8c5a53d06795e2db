// The study under review: its images, how they are looked at, and why the image model read them or did not.
import { fill, h } from "./dom.js";
import { handle, key, tools } from "./gestures.js";
import { dialog, group, part, press, tool } from "./parts.js";
import { FIRST, Pane, windowWords } from "./pixels.js";
import { priors } from "./priors.js";
import { about, changes } from "./reading.js";
import { Regions, viewWords } from "./regions.js";

const KEYS =
  "Arrow keys move, plus and minus zoom, 0 fits, I inverts, R resets. Shift with left and right sets the window, with up and down the level.";
const LABEL = "Image model, research use, not cleared: off unless the site turned it on.";

/** @param {StudyView | null} view @param {Context} context */
export function study(view, context) {
  const { reading } = context.review;
  const viewer = view?.images.length ? new Viewer(view, context) : null;
  const why = [reading.words, reading.words.includes(reading.reason) ? "" : reading.reason].join(" ");
  return part(
    "The study",
    viewer?.words,
    view && h("p", { class: "line" }, [view.description, view.when].filter(Boolean).join(" · ")),
    ...reading.disagreements.map((said) => h("p", { class: "note" }, said)),
    reading.comparison && changes(reading.comparison, context),
    viewer
      ? viewer.place
      : h("p", { class: "note" }, view ? "No image of this study can be shown." : "No imaging study is under review."),
    reading.mode !== "read" && h("p", { class: "note" }, h("b", {}, "Not read. "), why),
    reading.mode === "read" && h("p", { class: "soft" }, `${LABEL} ${reading.words}`),
    view && view.identity !== "match" && h("p", { class: "note" }, view.identity_words),
    viewer && view && about(view, reading, context),
  );
}

export class Viewer {
  /** Pixels that are here, by hash. @type {Map<string, Pixels>} */
  #had = new Map();
  /** @type {Pane | undefined} */
  pane;
  /** What is under way to show `image`. @type {Promise<void> | undefined} */
  coming;
  opened = () => {};
  words = h("span", {});
  bare = h("p", { class: "soft" });

  /** @param {StudyView} view @param {Context} context */
  constructor(view, context) {
    this.images = view.images;
    this.context = context;
    /** Evidence stands on the page below: what leads there leaves the dialog first. @param {string} id */
    const jump = (id) => {
      if (this.full.open) this.full.close();
      context.jump(id);
    };
    this.regions = new Regions({ ...context, jump }, () => this.#marked());
    this.now = this.frame("now");
    this.stage = h("div", { class: "stage", "data-show": "now", "data-drag": "window" }, this.now);
    this.tabs = this.images.map((one) =>
      tool(viewWords(one) + (this.#read(one) ? " · read" : ""), () => this.show(one)),
    );
    this.enlarge = tool("Full size", () => this.#enlarge(), { class: "tool enlarge" });
    this.tools = tools(() => this.pane, this.stage, this.enlarge);
    this.body = h(
      "div",
      { class: "viewer" },
      this.tabs.length > 1 && group("Images of the study", ...this.tabs),
      this.stage,
      this.tools.element,
      view.priors.length > 0 && priors(view.priors, context, this),
      this.regions.tools,
      this.bare,
    );
    this.full = dialog(`${view.description}, ${view.when}`);
    this.full.className = "full";
    const leave = (/** @type {Event} */ event) =>
      /** @type {Element} */ (event.target).closest(".cite") && this.full.close();
    this.full.addEventListener("click", leave, { capture: true });
    this.full.addEventListener("close", () => {
      const lost = this.full.contains(document.activeElement) || document.activeElement === document.body;
      this.place.prepend(this.body);
      if (lost) this.enlarge.focus();
    });
    this.place = h("div", {}, this.body, this.full);
    context.showRegion = (id) => this.showRegion(id);
    context.signal.addEventListener("abort", () => this.#forget());
    void this.show(this.images.find((one) => one.frontal) ?? this.images[0]);
  }

  /** @param {ImageView} image */
  #read({ frontal }) {
    return frontal && this.context.review.reading.mode === "read";
  }

  /** Nothing marked is said apart from nothing looked at. @param {ImageView} image */
  #unmarked(image) {
    if (this.regions.all.length || this.context.review.reading.mode !== "read") return "";
    return this.#read(image)
      ? "The image model marked nothing on this image."
      : "The image model did not read this image.";
  }

  /** A place for an image, which takes the keyboard. @param {"now" | "prior"} which */
  frame(which) {
    const label = `${which === "now" ? "Image under review" : "Earlier image"}. ${KEYS}`;
    return h("div", { class: `frame ${which}`, role: "group", tabindex: 0, "aria-label": label });
  }

  /** @param {Pane} pane @param {HTMLElement} frame */
  attach(pane, frame) {
    handle(pane, frame, () => this.stage.dataset.drag === "move", this.context.signal);
    frame.onkeydown = (event) => {
      if (event.target === frame && key(pane, event)) event.preventDefault();
    };
  }

  /** @param {ImageView} image */
  show(image) {
    const coming = this.#bring(image).finally(() => {
      if (this.coming === coming) this.coming = undefined;
    });
    return (this.coming = coming);
  }

  /** @param {ImageView} image */
  async #bring(image) {
    const { api, review, signal } = this.context;
    this.image = image;
    this.pane?.close();
    this.pane = undefined;
    this.regions.of(image);
    fill(this.bare, this.#unmarked(image));
    this.images.forEach((one, i) => press(this.tabs[i], one === image));
    if (this.now.contains(document.activeElement)) this.now.focus({ preventScroll: true });
    fill(this.now, h("p", { role: "status" }, "The image is coming …"));
    const stale = () => signal.aborted || this.image !== image;
    try {
      const had = this.#had.get(image.sha256);
      const pixels = had ?? (await api.pixels(`api/reviews/${review.review_id}/images/${image.sha256}`));
      if (stale()) return;
      this.#had.set(image.sha256, pixels);
      this.#open(pixels, image);
    } catch {
      if (stale()) return;
      fill(
        this.now,
        h(
          "p",
          { role: "alert" },
          "The image could not be had. ",
          tool("Try again", () => this.show(image)),
        ),
      );
    }
  }

  /** @param {Pixels} pixels @param {ImageView} image */
  #open(pixels, image) {
    this.pane = new Pane(pixels, (pen, pane) => this.regions.draw(pen, pane));
    const tag = h("span", { class: "tag" }, viewWords(image));
    fill(this.now, this.pane.canvas, tag, this.regions.marks);
    this.attach(this.pane, this.now);
    this.pane.changed = () => this.#looked();
    this.opened();
    this.#looked();
    this.#marked();
  }

  /** Bring what an evidence id stands for on show; whether it is on an image. @param {string} id */
  showRegion(id) {
    const has = (/** @type {{evidence: readonly string[]}} */ one) => one.evidence.includes(id);
    const image = this.images.find((one) => one.boxes.some(has) || one.heat_maps.some(has));
    if (!image) return false;
    const here = this.image === image && (this.coming ?? (this.pane && Promise.resolve()));
    const shown = here || this.show(image);
    void shown.then(() => {
      const one = this.regions.all.find(has);
      if (!one) return;
      this.regions.change({ chosen: one, boxes: true, heat: true });
      const { x0, y0, x1, y1 } = one.around;
      this.pane?.set({ zoom: Math.min(3, 0.6 / Math.max(x1 - x0, y1 - y0)), x: (x0 + x1) / 2, y: (y0 + y1) / 2 });
    });
    this.now.scrollIntoView({ block: "center" });
    this.now.focus({ preventScroll: true });
    return true;
  }

  #forget() {
    this.pane?.close();
    this.#had.clear();
    if (this.full.open) this.full.close();
  }

  #enlarge() {
    this.full.append(this.body);
    this.full.showModal();
  }

  #looked() {
    const look = this.pane?.look ?? FIRST;
    fill(this.words, windowWords(look));
    this.tools.follow(look);
  }

  #marked() {
    const words = `${this.image ? viewWords(this.image) : ""} image of the chest. ${this.regions.words()}`;
    this.pane?.canvas.setAttribute("aria-label", words);
    this.pane?.redraw();
  }
}
