// The card of the image model: all its source attributes, what is not known written out.
import { fill, h } from "./dom.js";
import { dialog } from "./parts.js";

/** A dialog to be shown, in which the card arrives. @param {Context} context */
export function modelCard(context) {
  const body = h("div", { class: "model-card" }, h("p", { role: "status" }, "The card is coming …"));
  const box = dialog("Model card", body);
  const failed = (/** @type {{status?: number}} */ { status }) =>
    status === 404 ? "No image model stands here, so there is no card." : "The card could not be had. Open it again.";
  context.api.json("GET", "api/model-card").then(
    (card) => fill(body, ...told(card)),
    (error) => fill(body, h("p", { role: "alert" }, failed(error))),
  );
  context.signal.addEventListener("abort", () => box.remove());
  return box;
}

/** @param {ModelCardView} card */
function told({ model, summary, sections, pictures }) {
  return [
    h("p", {}, h("b", {}, model)),
    h("p", {}, summary),
    ...sections.map(({ title, attributes }) =>
      h(
        "section",
        {},
        h("h3", {}, title),
        h("dl", {}, ...attributes.map(({ name, value }) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
      ),
    ),
    ...pictures.map(({ title, alt, svg }) =>
      h("section", {}, h("h3", {}, title), h("img", { alt, src: `data:image/svg+xml,${encodeURIComponent(svg)}` })),
    ),
  ];
}
