// An earlier study beside the one under review, or in its place; fetched when it is asked for.
import { fill, h } from "./dom.js";
import { group, press, tool } from "./parts.js";
import { Pane } from "./pixels.js";

const SHOWS = /** @type {const} */ ({ now: "Now", prior: "Prior ⇄", both: "Side by side" });
const UNKNOWN =
  "The earlier image does not say whose it is, or not enough to tell. Compare it with the patient before use.";

/** @param {readonly PriorView[]} list @param {Context} context @param {import("./viewer.js").Viewer} viewer */
export function priors(list, context, viewer) {
  const place = viewer.frame("prior");
  const said = h("p", { class: "soft", role: "status" });
  const together = h("input", { type: "checkbox", checked: true, onchange: tie });
  const which = h("select", { "aria-label": "Earlier study", onchange: () => show("both", true) });
  which.append(...list.map((one, i) => h("option", { value: i }, `${one.when} · ${one.description || one.modality}`)));
  const buttons = Object.entries(SHOWS).map(([name, text]) => tool(text, () => show(/** @type {"now"} */ (name))));
  /** @type {Pane | undefined} */
  let pane;
  let wanted = 0;
  viewer.stage.append(place);
  viewer.opened = tie;
  context.signal.addEventListener("abort", () => pane?.close());
  void show("now");

  /** @param {keyof typeof SHOWS} how @param {boolean} [anew] */
  async function show(how, anew = false) {
    if (how === "prior" && viewer.stage.dataset.show === "prior") how = "now";
    const turn = ++wanted;
    const came = how === "now" || (pane && !anew) ? true : await fetched();
    if (came === undefined || turn !== wanted) return; // something else was chosen while it came
    if (!came) how = "now";
    viewer.stage.dataset.show = how;
    Object.keys(SHOWS).forEach((name, i) => press(buttons[i], name === how));
  }

  /** Whether the chosen study's image is here; undefined where another was chosen meanwhile. */
  async function fetched() {
    const prior = list[which.selectedIndex];
    fill(said, "The earlier image is coming …");
    try {
      const pixels = await context.api.pixels(`api/reviews/${context.review.review_id}/priors/${prior.number}`);
      if (context.signal.aborted || prior !== list[which.selectedIndex]) return undefined;
      pane?.close();
      pane = new Pane(pixels);
      pane.canvas.setAttribute(
        "aria-label",
        `Earlier study of ${prior.when}, ${prior.description}. Nothing is marked on it.`,
      );
      fill(place, pane.canvas, h("span", { class: "tag" }, `Prior · ${prior.when}`));
      viewer.attach(pane, place);
      tie();
      fill(said, pixels.identity !== "match" && UNKNOWN);
      return true;
    } catch {
      fill(said, "The earlier image could not be had. Ask again, or open it in the EHR.");
      return false;
    }
  }

  function tie() {
    if (pane) pane.twin = together.checked ? viewer.pane : undefined;
    if (viewer.pane) viewer.pane.twin = together.checked ? pane : undefined;
    viewer.pane?.pan(0, 0);
  }

  return h(
    "div",
    { class: "priors" },
    h(
      "div",
      { class: "tools" },
      group("Compare with an earlier study", ...buttons),
      h("label", {}, together, "Move together"),
    ),
    list.length > 1 ? which : h("p", { class: "soft" }, list[0].when, " · ", list[0].description),
    said,
  );
}
