// An image on a canvas: 16 bits through a table to grey, placed by zoom and centre, drawn at most once a frame.
import { h } from "./dom.js";

/** @type {Readonly<Look>} */
export const FIRST = Object.freeze({ zoom: 1, x: 0.5, y: 0.5, width: 1, level: 0.5, invert: false });

/** @param {number} value @param {number} low @param {number} high */
const within = (value, low, high) => Math.min(high, Math.max(low, value));

/** @param {Look} look */
export const windowWords = ({ width, level, invert }) =>
  `window ${Math.round(width * 100)} %, level ${Math.round(level * 100)} %${invert ? ", inverted" : ""}`;

/** Grey of each 16-bit value, as RGBA in one number. @param {Look} look */
export function greys({ width, level, invert }) {
  const table = new Uint32Array(65536);
  for (let value = 0; value < 65536; value++) {
    const grey = within(Math.round(((value / 65535 - level) / width + 0.5) * 255), 0, 255);
    table[value] = 0xff000000 | (0x010101 * (invert ? 255 - grey : grey));
  }
  return table;
}

/** One image on one canvas. */
export class Pane {
  look = { ...FIRST };
  /** Zooms and moves along. @type {Pane | undefined} */
  twin;
  changed = () => {};
  #frame = 0;
  #greys = "";
  #source = h("canvas");

  /** @param {Pixels} pixels @param {(pen: CanvasRenderingContext2D, pane: Pane) => void} [overlay] */
  constructor(pixels, overlay) {
    this.pixels = pixels;
    this.overlay = overlay;
    this.canvas = h("canvas", { role: "img" });
    this.#source.width = pixels.columns;
    this.#source.height = pixels.rows;
    this.sized = new ResizeObserver(() => this.set({}));
    this.sized.observe(this.canvas);
  }

  /** Pixels of the screen that the whole image takes. @param {number} [zoom] @returns {Point} */
  size(zoom = this.look.zoom) {
    const { columns, rows } = this.pixels;
    const { clientWidth, clientHeight } = this.canvas;
    const scale = Math.min(clientWidth / columns, clientHeight / rows) * zoom || 1;
    return [columns * scale, rows * scale];
  }

  /** Where a point of the image stands on the canvas. @param {number} u @param {number} v @returns {Point} */
  place(u, v) {
    const [across, down] = this.size();
    const { clientWidth, clientHeight } = this.canvas;
    return [clientWidth / 2 + (u - this.look.x) * across, clientHeight / 2 + (v - this.look.y) * down];
  }

  /** @param {Partial<Look>} change */
  set(change) {
    const look = (this.look = { ...this.look, ...change });
    look.zoom = within(look.zoom, 1, 16);
    look.width = within(look.width, 0.02, 2);
    look.level = within(look.level, 0, 1);
    const [across, down] = this.size();
    const free = [this.canvas.clientWidth / across / 2, this.canvas.clientHeight / down / 2].map((one) =>
      within(one, 0, 0.5),
    );
    look.x = within(look.x, free[0], 1 - free[0]);
    look.y = within(look.y, free[1], 1 - free[1]);
    this.canvas.classList.toggle("near", look.zoom > 1);
    const { zoom, x, y } = look;
    const twin = this.twin?.look;
    if (twin && (twin.zoom !== zoom || twin.x !== x || twin.y !== y) && "zoom" in change)
      this.twin?.set({ zoom, x, y });
    this.changed();
    this.redraw();
  }

  /** Zoom, and what is under a point stays there. @param {number} factor @param {number} [px] @param {number} [py] */
  zoom(factor, px = this.canvas.clientWidth / 2, py = this.canvas.clientHeight / 2) {
    const zoom = within(this.look.zoom * factor, 1, 16);
    const [before, after] = [this.size(), this.size(zoom)];
    const { clientWidth, clientHeight } = this.canvas;
    const x = this.look.x + (px - clientWidth / 2) * (1 / before[0] - 1 / after[0]);
    const y = this.look.y + (py - clientHeight / 2) * (1 / before[1] - 1 / after[1]);
    this.set({ zoom, x, y });
  }

  /** Whether there was room to move. @param {number} dx @param {number} dy */
  pan(dx, dy) {
    const { zoom, x, y } = this.look;
    const [across, down] = this.size();
    this.set({ zoom, x: x - dx / across, y: y - dy / down });
    return x !== this.look.x || y !== this.look.y;
  }

  redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  /** Nothing of the image stays. */
  close() {
    cancelAnimationFrame(this.#frame);
    this.sized.disconnect();
    this.#source.width = this.canvas.width = 0;
  }

  #draw() {
    const { clientWidth, clientHeight } = this.canvas;
    const pen = this.canvas.getContext("2d");
    if (!pen || !clientWidth) return;
    this.#develop();
    this.canvas.width = Math.round(clientWidth * devicePixelRatio); // which also clears it
    this.canvas.height = Math.round(clientHeight * devicePixelRatio);
    pen.scale(devicePixelRatio, devicePixelRatio);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.#source, ...this.place(0, 0), ...this.size());
    this.overlay?.(pen, this);
  }

  /** The greys anew, where the window is another. */
  #develop() {
    const { width, level, invert } = this.look;
    const pen = this.#source.getContext("2d");
    if (!pen || this.#greys === `${width} ${level} ${invert}`) return;
    this.#greys = `${width} ${level} ${invert}`;
    const { data, columns, rows } = this.pixels;
    const picture = pen.createImageData(columns, rows);
    const [table, shades] = [greys(this.look), new Uint32Array(picture.data.buffer)];
    for (let i = 0; i < shades.length; i++) shades[i] = table[data[i]];
    pen.putImageData(picture, 0, 0);
  }
}
