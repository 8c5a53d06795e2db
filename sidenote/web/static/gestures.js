// Pointer, wheel and keys on an image, and the buttons and sliders that do the same.
import { h } from "./dom.js";
import { group, press, tool } from "./parts.js";
import { FIRST } from "./pixels.js";

/** @param {Pane} pane @param {HTMLElement} frame @param {() => boolean} moves what a plain drag does @param {AbortSignal} signal */
export function handle(pane, frame, moves, signal) {
  const { canvas } = pane;
  /** Pointers that are down. @type {Map<number, PointerEvent>} */
  const down = new Map();
  /** @template {keyof HTMLElementEventMap} K @param {K} name @param {(event: HTMLElementEventMap[K]) => void} act */
  const on = (name, act) => canvas.addEventListener(name, act, { signal, passive: false });
  /** @param {MouseEvent} event @returns {Point} */
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  on("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, event);
    frame.focus({ preventScroll: true });
  });
  on("pointermove", (event) => {
    const before = down.get(event.pointerId);
    if (!before) return;
    down.set(event.pointerId, event);
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    const other = [...down.values()].find((one) => one.pointerId !== event.pointerId);
    if (other) {
      const [from, to] = [before, event].map((one) =>
        Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY),
      );
      pane.zoom(to / (from || 1), ...point(event));
      pane.pan(dx / 2, dy / 2);
    } else if (event.shiftKey || moves()) pane.pan(dx, dy);
    else pane.set({ width: pane.look.width + dx / 200, level: pane.look.level + dy / 300 });
  });
  on("pointerup", (event) => down.delete(event.pointerId));
  on("pointercancel", (event) => down.delete(event.pointerId));
  on("dblclick", () => pane.set({ zoom: 1 }));
  on("wheel", (event) => {
    // Who scrolls past scrolls on: the wheel zooms an image that has the focus, or with Ctrl, as a pinch arrives.
    if (!event.ctrlKey && document.activeElement !== frame) return;
    event.preventDefault();
    pane.zoom(Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), ...point(event));
  });
}

/** Whether a key did anything. @param {Pane} pane @param {KeyboardEvent} event */
export function key(pane, event) {
  const { width, level, invert } = pane.look;
  /** @type {Record<string, () => boolean | void>} */
  const acts = {
    "+": () => pane.zoom(1.25),
    "=": () => pane.zoom(1.25),
    "-": () => pane.zoom(0.8),
    0: () => pane.set({ zoom: 1 }),
    i: () => pane.set({ invert: !invert }),
    r: () => pane.set(FIRST),
    ArrowLeft: () => pane.pan(24, 0),
    ArrowRight: () => pane.pan(-24, 0),
    ArrowUp: () => pane.pan(0, 24),
    ArrowDown: () => pane.pan(0, -24),
    ShiftArrowLeft: () => pane.set({ width: width - 0.04 }),
    ShiftArrowRight: () => pane.set({ width: width + 0.04 }),
    ShiftArrowUp: () => pane.set({ level: level - 0.04 }),
    ShiftArrowDown: () => pane.set({ level: level + 0.04 }),
  };
  const act =
    !event.ctrlKey && !event.metaKey && acts[(event.shiftKey && event.key !== "+" ? "Shift" : "") + event.key];
  return act ? act() !== false : false;
}

/** @param {() => Pane | undefined} pane @param {HTMLElement} stage @param {HTMLElement} more */
export function tools(pane, stage, more) {
  /** @param {Child} text @param {(pane: Pane) => void} act @param {string} [label] */
  const button = (text, act, label) =>
    tool(text, () => void (pane() && act(/** @type {Pane} */ (pane()))), { "aria-label": label });
  const drags = ["Window", "Move"].map((name) =>
    tool(name, () => {
      stage.dataset.drag = name.toLowerCase();
      for (const one of drags) press(one, one.textContent === name);
    }),
  );
  drags.forEach((one, i) => press(one, i === 0));
  /** @param {"width" | "level"} what @param {number} min @param {number} max */
  const slider = (what, min, max) => {
    const input = h("input", { type: "range", min, max });
    input.oninput = () => pane()?.set({ [what]: input.valueAsNumber / 100 });
    return input;
  };
  const [width, level] = [slider("width", 2, 200), slider("level", 0, 100)];
  const invert = button("Invert", (pane) => pane.set({ invert: !pane.look.invert }));
  const zooms = [
    button("−", (pane) => pane.zoom(0.8), "Zoom out"),
    button("+", (pane) => pane.zoom(1.25), "Zoom in"),
    button("Fit", (pane) => pane.set({ zoom: 1 })),
  ];
  const reset = button("Reset", (pane) => pane.set(FIRST));
  const labels = [h("label", {}, "Window", width), h("label", {}, "Level", level)];
  const fine = h("details", {}, h("summary", {}, "Window and level"), ...labels, reset);
  const sets = group("Dragging sets", ...drags);
  return {
    element: h("div", { class: "tools" }, sets, group("Zoom", ...zooms), invert, more, fine),
    /** @param {Look} look */
    follow(look) {
      press(invert, look.invert);
      [width.value, level.value] = [look.width, look.level].map((one) => `${Math.round(one * 100)}`);
    },
  };
}
