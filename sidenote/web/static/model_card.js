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
  const drawn = pictures.map(picture);
  const toPictures = () => drawn[0]?.scrollIntoView();
  return [
    h("p", {}, h("b", {}, model)),
    h("p", {}, summary),
    drawn.length > 0 &&
      h("button", { type: "button", class: "link", onclick: toPictures }, "To its figures as pictures"),
    ...sections.map(({ title, attributes }) =>
      h(
        "section",
        {},
        h("h3", {}, title),
        h("dl", {}, ...attributes.map(({ name, value }) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
      ),
    ),
    ...drawn,
  ];
}

/** Small plots side by side, as many as there is room for. @param {PictureView} view */
function picture({ title, words, panels }) {
  return h(
    "section",
    {},
    h("h3", {}, title),
    h("p", { class: "soft" }, words),
    h("div", { class: "panels" }, ...panels.map(panel)),
  );
}

/** @param {PictureView["panels"][number]} view */
function panel({ title, note, alt, svg }) {
  const src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  return h("figure", {}, h("figcaption", {}, h("b", {}, title), h("small", {}, note)), h("img", { alt, src }));
}
