// Where a model looked: a cloud and its outline at one half. Lines are drawn in two tones, so that they show on black and on white.

const FINE = 72;
const LEVEL = 0.5;
/** Of boxes by their number, told apart without colour; and of an outline. */
export const DASHES = [[], [9, 5], [2, 4]];
export const OUTLINE = [5, 4];

/** The value between the middles of the cells. @param {Grid} grid @param {number} u @param {number} v */
export function valueAt(grid, u, v) {
  const [x, y] = [u * grid[0].length - 0.5, v * grid.length - 0.5];
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const cell = (/** @type {number} */ i, /** @type {number} */ j) => {
    const row = grid[Math.min(grid.length - 1, Math.max(0, j))];
    return row[Math.min(row.length - 1, Math.max(0, i))];
  };
  const mix = (/** @type {number} */ a, /** @type {number} */ b, /** @type {number} */ part) => a + (b - a) * part;
  const across = (/** @type {number} */ j) => mix(cell(left, j), cell(left + 1, j), x - left);
  return mix(across(top), across(top + 1), y - top);
}

/** The map as a small picture; its opacity is the value. @param {Grid} grid */
export function cloud(grid) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = FINE;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const picture = pen.createImageData(FINE, FINE);
  for (let i = 0; i < FINE * FINE; i++) {
    const value = valueAt(grid, ((i % FINE) + 0.5) / FINE, (Math.floor(i / FINE) + 0.5) / FINE);
    picture.data.set([255, 140, 66, 255 * value], 4 * i);
  }
  pen.putImageData(picture, 0, 0);
  return canvas;
}

/** @typedef {{edge: string, point: Point}} Crossing where a line crosses an edge between two squares */

/** Closed lines around what is one half or more, by marching squares; outside the image is nothing. @param {Grid} grid @returns {Point[][]} */
export function outline(grid) {
  const value = (/** @type {Point} */ [x, y]) =>
    (x < 0 || y < 0 || x > FINE || y > FINE ? 0 : valueAt(grid, x / FINE, y / FINE)) - LEVEL;
  /** The edge at which a piece begins -> where it ends. @type {Map<string, Crossing>} */
  const pieces = new Map();
  for (let x = -1; x <= FINE; x++) for (let y = -1; y <= FINE; y++) march(x, y, value, pieces);
  const lines = [];
  for (const [start] of pieces) {
    const line = [];
    for (let edge = start, next; (next = pieces.get(edge)); edge = next.edge) {
      pieces.delete(edge);
      line.push(next.point);
    }
    lines.push(line);
  }
  return lines;
}

/** The pieces of line in one square: from where one leaves the inside, going around it, to where one enters.
 * @param {number} x @param {number} y @param {(corner: Point) => number} value @param {Map<string, Crossing>} pieces */
function march(x, y, value, pieces) {
  /** @type {Point[]} */
  const corners = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]]; // prettier-ignore
  const values = corners.map(value);
  /** @type {Crossing[][]} */
  const [enter, leave] = [[], []];
  corners.forEach((a, i) => {
    const [b, va, vb] = [corners[(i + 1) % 4], values[i], values[(i + 1) % 4]];
    if (va >= 0 === vb >= 0) return;
    const at = (/** @type {0 | 1} */ k) => (a[k] + ((b[k] - a[k]) * va) / (va - vb)) / FINE;
    (vb >= 0 ? enter : leave).push({ edge: `${a[0] + b[0]} ${a[1] + b[1]}`, point: [at(0), at(1)] });
  });
  enter.forEach((crossing, i) => pieces.set(leave[i].edge, crossing));
}

/** Lay a cloud over the whole image. @param {CanvasRenderingContext2D} pen @param {Pane} pane @param {HTMLCanvasElement} picture @param {number} opacity */
export function lay(pen, pane, picture, opacity) {
  pen.globalAlpha = opacity;
  pen.drawImage(picture, ...pane.place(0, 0), ...pane.size());
  pen.globalAlpha = 1;
}

/** A closed line in two tones. @param {CanvasRenderingContext2D} pen @param {Pane} pane @param {Point[]} line @param {number[]} dashes @param {number} weight */
export function trace(pen, pane, line, dashes, weight) {
  pen.beginPath();
  for (const point of line) pen.lineTo(...pane.place(...point));
  pen.closePath();
  pen.strokeStyle = "#000";
  pen.lineWidth = weight + 2;
  pen.setLineDash([]);
  pen.stroke();
  pen.strokeStyle = "#fff";
  pen.lineWidth = weight;
  pen.setLineDash(dashes);
  pen.stroke();
}
