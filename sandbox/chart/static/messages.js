// SMART Web Messaging 1.0.0, the EHR's side: messages go to the app's origin and to no other, and only those that carry this launch's
// handle, from the window and origin that were opened, are read.

const MOST = 10_000;
const PATIENCE = 200; // milliseconds that an answer is waited for: an app that is broken must not hold the chart up

/** @typedef {{ messageId: string, messageType: string, messagingHandle: string }} Said what every message of the app holds */

/** One launch's conversation with the app in a frame. */
export class Conversation {
  /** @param {HTMLIFrameElement} frame @param {string} origin @param {string} handle @param {{done: () => void}} asked */
  constructor(frame, origin, handle, asked) {
    this.frame = frame;
    this.origin = origin;
    this.handle = handle;
    this.asked = asked;
    this.dropped = 0;
    /** @type {Map<string, () => void>} */
    this.waiting = new Map();
    /** @param {MessageEvent} event */
    this.listening = (event) => this.read(event);
    window.addEventListener("message", this.listening);
  }

  /**
   * @param {string} messageType @param {object} payload
   * @returns {Promise<void>} resolved when the app has answered, or when it has had its time
   */
  send(messageType, payload) {
    const messageId = crypto.randomUUID();
    this.frame.contentWindow?.postMessage(
      { messageId, messagingHandle: this.handle, messageType, payload },
      this.origin,
    );
    return new Promise((resolve) => {
      this.waiting.set(messageId, resolve);
      setTimeout(resolve, PATIENCE);
    });
  }

  /** @param {MessageEvent} event */
  read(event) {
    if (event.source !== this.frame.contentWindow) return;
    const said = event.data;
    if (event.origin !== this.origin || typeof said !== "object" || said === null) this.dropped += 1;
    else if (this.waiting.has(said.responseToMessageId)) this.heard(said.responseToMessageId);
    else if (sound(said) && said.messagingHandle === this.handle) this.answer(said);
    else this.dropped += 1;
  }

  /** @param {string} messageId */
  heard(messageId) {
    this.waiting.get(messageId)?.();
    this.waiting.delete(messageId);
  }

  /** @param {Said} said */
  answer(said) {
    /** @type {Map<string, object>} */
    const known = new Map([
      ["status.handshake", {}],
      ["ui.done", { status: "success" }],
    ]);
    const payload = known.get(said.messageType) ?? { $type: "error", errorMessage: "this chart does not do that" };
    this.frame.contentWindow?.postMessage(
      {
        messageId: crypto.randomUUID(),
        responseToMessageId: said.messageId,
        additionalResponsesExpected: false,
        payload,
      },
      this.origin,
    );
    if (said.messageType === "ui.done") this.asked.done();
  }

  end() {
    window.removeEventListener("message", this.listening);
  }
}

/** @param {Record<keyof Said, unknown>} said @returns {said is Said} */
function sound(said) {
  const texts = [said.messageId, said.messageType, said.messagingHandle];
  return texts.every((text) => typeof text === "string" && text.length < MOST);
}
