// Server-Sent Events over fetch, since an EventSource sends no Authorization (HTML, 9.2).

const QUIET = 45_000; // the server lets no half minute pass without a comment line
const WAITS = [250, 500, 1_000, 2_000, 5_000];

/**
 * Follow a stream until `signal` aborts. Answers of 4xx are thrown; whatever else goes wrong is a cut, and is tried again.
 * @param {(last: string) => Promise<Response>} open asks for what comes after the event `last`
 * @param {(name: string, data: string) => void} onEvent @param {(cut: boolean) => void} onCut @param {AbortSignal} signal
 */
export async function follow(open, onEvent, onCut, signal) {
  let last = "";
  for (let tries = 0; !signal.aborted; tries++) {
    try {
      const response = await open(last);
      onCut(false);
      for await (const event of events(response)) {
        if (signal.aborted) return;
        if (event.id && Number(event.id) <= Number(last)) continue;
        tries = 0;
        last = event.id || last;
        onEvent(event.name, event.data);
      }
    } catch (error) {
      const status = /** @type {any} */ (error).status ?? 0;
      if (status >= 400 && status < 500 && status !== 429) throw error;
    }
    if (signal.aborted) return;
    onCut(true);
    await pause(WAITS[Math.min(tries, WAITS.length - 1)] ?? 0, signal);
  }
}

/** What a stream says, event by event; what was cut in its middle is dropped. @param {Response} response */
async function* events(response) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  const decoder = new TextDecoder();
  let kept = "";
  try {
    for (;;) {
      const { done, value } = await withinQuiet(reader.read());
      if (done) return;
      kept += decoder.decode(value, { stream: true });
      const blocks = kept.split(/\r?\n\r?\n/);
      kept = blocks.pop() ?? "";
      yield* blocks.map(parse).filter(({ data }) => data);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @param {string} block */
function parse(block) {
  const event = { id: "", name: "message", data: "" };
  const data = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === "id") event.id = value;
    if (field === "event") event.name = value;
    if (field === "data") data.push(value);
  }
  return { ...event, data: data.join("\n") };
}

/** @template T @param {Promise<T>} read @returns {Promise<T>} */
function withinQuiet(read) {
  let timer = 0;
  const quiet = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("quiet")), QUIET)));
  return /** @type {Promise<T>} */ (Promise.race([read, quiet])).finally(() => clearTimeout(timer));
}

/** @param {number} ms @param {AbortSignal} signal */
const pause = (ms, signal) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
    signal.addEventListener("abort", resolve, { once: true });
  });
