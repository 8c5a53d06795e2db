// What the page asks of its server. The handle lives in here, in a variable, and nowhere else: a reload loses it.
import { follow } from "./stream.js";

/** @typedef {import("./wire.js").SessionOpened} SessionOpened */
/** @typedef {import("./wire.js").Problem} Problem */
/** @typedef {{ rows: number, columns: number, data: Uint16Array, identity?: string }} Pixels */
/** @typedef {typeof api} Api */

/** Where the app is mounted. */
export const root = new URL("..", import.meta.url);
const KEY = "window";

let handle = "";
let gone = new AbortController();
/** @type {(refused: Refused) => void} */
let whenOver = () => {};

/** An answer that is no success, in the server's own words (RFC 9457). `status` is 0 when there was no answer. */
export class Refused extends Error {
  /** @param {number} status @param {Partial<Problem> & { first?: import("./wire.js").DecisionView }} problem */
  constructor(status, problem) {
    super(problem.title || "The server gave an answer that this page does not understand.");
    this.status = status;
    this.problem = problem;
  }
}

/** This tab's secret; empty when it has none and `make` is false. Throws where the browser blocks storage. @param {boolean} make */
export function windowSecret(make) {
  const kept = sessionStorage.getItem(KEY);
  if (kept || !make) return kept ?? "";
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  const made = btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
  sessionStorage.setItem(KEY, made);
  return made;
}

/** From now on everything is asked in this session. @param {string} given @param {(refused: Refused) => void} over called when the server says that it is over */
export function hold(given, over) {
  handle = given;
  whenOver = over;
  gone = new AbortController();
  return gone.signal;
}

/** Forget the session: what is still on its way is dropped. @param {boolean} tell whether the server is told to end it */
export function forget(tell) {
  if (handle && tell) {
    const headers = { Authorization: `Bearer ${handle}` };
    fetch(new URL("api/session", root), { method: "DELETE", headers, keepalive: true }).catch(() => {});
  }
  handle = "";
  gone.abort();
}

/**
 * @param {string} method @param {string} path @param {unknown} [body] @param {Record<string, string>} [more] headers
 * @param {AbortSignal} [signal]
 * @returns {Promise<Response>}
 */
async function ask(method, path, body, more = {}, signal = gone.signal) {
  /** @type {Record<string, string>} */
  const headers = { ...more };
  const asker = handle;
  if (asker) headers.Authorization = `Bearer ${asker}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const init = { method, headers, signal, body: body === undefined ? null : JSON.stringify(body) };
  const response = await fetch(new URL(path.replace(/^\/?(api\/)?/, "api/"), root), init).catch((error) => {
    throw signal.aborted ? error : new Refused(0, { title: "The server cannot be reached.", retryable: true });
  });
  if (response.ok) return response;
  const refused = new Refused(response.status, await response.json().catch(() => ({})));
  if (response.status === 401 && asker && asker === handle) whenOver(refused);
  throw refused;
}

export const api = {
  /** The JSON of an answer; null when it has no content. @param {string} method @param {string} path @param {unknown} [body] @returns {Promise<any>} */
  async json(method, path, body) {
    const response = await ask(method, path, body);
    return response.status === 204 ? null : response.json();
  },

  /** An image: 16 bits a pixel, row by row. @param {string} path @returns {Promise<Pixels>} */
  async pixels(path) {
    const response = await ask("GET", path);
    const [rows = 0, columns = 0] = ["Image-Rows", "Image-Columns"].map((name) => Number(response.headers.get(name)));
    const view = new DataView(await response.arrayBuffer());
    if (view.byteLength !== rows * columns * 2) throw new Refused(200, { title: "The image came incomplete." });
    const data = Uint16Array.from({ length: rows * columns }, (_, n) => view.getUint16(n * 2, true));
    return { rows, columns, data, identity: response.headers.get("Image-Identity") ?? "" };
  },

  /**
   * Events until `signal` aborts; a cut stream goes on where it was cut.
   * @param {string} path @param {(name: string, data: string) => void} onEvent @param {AbortSignal} signal
   * @param {(cut: boolean) => void} [onCut]
   */
  stream(path, onEvent, signal, onCut = () => {}) {
    /** @param {string} last */
    const open = (last) => ask("GET", path, undefined, last ? { "Last-Event-ID": last } : {}, signal);
    return follow(open, onEvent, onCut, signal);
  },
};
