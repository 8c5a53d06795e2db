// Similar cases: of other people, how like this one, what they share and what not; or why there are none.
import { h } from "./dom.js";
import { list, nothing, part } from "./parts.js";

/** How many of the things shared are told before a case is opened. */
const IN_SHORT = 2;

/** @param {SimilarView | null} view @param {Context} context */
export function similar(view, context) {
  if (!view) return nothing();
  if (!view.comparable || !view.cases.length)
    return part(
      "Similar cases",
      "",
      h("p", { class: "note" }, [view.words, view.detail].filter(Boolean).join(". ")),
      ...asked(view),
    );
  /** @type {Map<string, HTMLDetailsElement>} */
  const places = new Map();
  const shown = view.cases.map((one) => {
    const place = example(one, context);
    for (const id of one.evidence) places.set(id, place);
    return place;
  });
  context.showCase = (id) => {
    const place = places.get(id);
    if (!place) return;
    place.open = true;
    place.querySelector("summary")?.focus();
  };
  return part(
    "Similar cases",
    view.words,
    h("div", { class: "cases" }, ...shown),
    h("p", { class: "soft" }, "These cases are about other people. Distance 0 would be the same case. ", view.detail),
    ...asked(view),
  );
}

/** How the library was asked: for who answers for it, folded. @param {SimilarView} view @returns {Child[]} */
function asked(view) {
  const how = h(
    "details",
    { class: "asked" },
    h("summary", {}, "How similar cases were searched for"),
    list(view.method),
  );
  return [view.notice && h("p", { class: "note" }, view.notice), how];
}

/** @param {CaseView} one @param {Context} context */
function example(one, context) {
  const found = one.findings.join(", ") || "No finding";
  const picture = one.thumbnail_png
    ? h("img", { src: `data:image/png;base64,${one.thumbnail_png}`, alt: "", loading: "lazy" })
    : h("span", { class: "blank" }, "no picture");
  const facts = {
    Who: one.about,
    Shares: list(one.shared),
    Differs: list(one.differs),
    Outcome: one.outcome,
    Licence: one.licence,
  };
  return h(
    "details",
    { class: "case sheet" },
    h(
      "summary",
      {},
      picture,
      h("b", {}, `${one.number}. ${found}`),
      one.shared.length > 0 && h("small", {}, `shares ${one.shared.slice(0, IN_SHORT).join(", ")}`),
      h("small", {}, `distance ${one.distance.toFixed(2)}`),
    ),
    h(
      "dl",
      {},
      ...Object.entries(facts).map(([name, told]) => told && h("div", {}, h("dt", {}, name), h("dd", {}, told))),
    ),
    one.report && h("blockquote", {}, one.report),
    context.chips(one.evidence),
  );
}
