// SMART Web Messaging: one message is obeyed, `patient-close`. Everything else is dropped and counted; nothing is merged into anything.

const LARGEST = 10_000;
const KEYS = ["messagingHandle", "messageId", "messageType", "payload"];

/** Why messages were dropped, and how many. @type {Map<string, number>} */
export const dropped = new Map();

/**
 * Listen to the EHR until `signal` aborts.
 * @param {import("./wire.js").Messaging} messaging @param {() => void} onClose @param {AbortSignal} signal
 */
export function listen(messaging, onClose, signal) {
  /** @param {MessageEvent} event */
  const hear = (event) => {
    const why = fault(event, messaging);
    if (why) return void dropped.set(why, (dropped.get(why) ?? 0) + 1);
    onClose();
    const answer = {
      messageId: crypto.randomUUID(),
      responseToMessageId: event.data.messageId,
      additionalResponsesExpected: false,
      payload: {},
    };
    /** @type {WindowProxy} */ (event.source).postMessage(answer, { targetOrigin: messaging.origin });
  };
  addEventListener("message", hear, { signal });
}

/** What is wrong with a message; empty when nothing is. @param {MessageEvent} event @param {import("./wire.js").Messaging} messaging */
export function fault({ origin, source, data }, messaging) {
  if (origin !== messaging.origin || !/^https?:/.test(origin)) return "origin";
  if (source === null || source === window || (source !== window.parent && source !== window.opener)) return "source";
  if (weight(data, LARGEST) > LARGEST) return "size";
  if (!isPlain(data) || Object.keys(data).some((key) => !KEYS.includes(key))) return "shape";
  const { messagingHandle, messageId, messageType, payload } = { ...data };
  if (typeof messageId !== "string" || messageId.length > 64 || !(payload === undefined || isPlain(payload)))
    return "shape";
  if (messagingHandle !== messaging.handle) return "handle";
  return messageType === "patient-close" ? "" : "type";
}

/** @param {any} value @returns {value is Record<string, any>} */
const isPlain = (value) =>
  typeof value === "object" && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));

/** About how many characters a value has; counting ends beyond `most`, and what is no JSON is too much. @param {any} value @param {number} most @returns {number} */
function weight(value, most) {
  if (typeof value === "string") return value.length;
  if (value === null || ["number", "boolean", "undefined"].includes(typeof value)) return 8;
  if (!Array.isArray(value) && !isPlain(value)) return Infinity;
  let sum = 16; // so that depth is weight too
  for (const [key, part] of Object.entries(value)) {
    sum += key.length;
    if (sum > most) return Infinity;
    sum += weight(part, most - sum);
  }
  return sum;
}
