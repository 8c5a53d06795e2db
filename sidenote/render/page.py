"""A review as one self-contained HTML page: no network, no external file, readable without its script."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from jinja2 import Template
from numpy.typing import NDArray
from PIL import Image

from agent.review import Review
from sidenote.render.html import csp_hash, environment
from sidenote.render.layout import (
    AI_LABEL,
    EVIDENCE_WORDS,
    MARKS,
    NOT_A_DEVICE,
    arrange,
    case_title,
    finding_words,
    moment,
    not_fitting,
    patient_detail,
    plain_status,
    rows,
    short_reference,
    short_version,
    telling,
    unavailable,
)
from sidenote.render.legible import legible
from sidenote.render.picture import fitted, places
from sidenote.render.reading import comparison, disagreement_words, narrative, reading_words, trust_words
from sidenote.render.searching import limit, method


@dataclass(frozen=True, slots=True)
class Box:
    """A region of the image in its pixels, and the evidence that names it: one box for findings of the same place."""

    evidence: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PageImage:
    """The study's image as the page embeds it."""

    png: str
    width: int
    height: int
    caption: str
    alt: str
    left_tag: str
    right_tag: str
    heat: str | None
    boxes: tuple[Box, ...]

    @property
    def font(self) -> float:
        """Size of a box's label in the image's own units, so that it is readable however the image is scaled."""
        return round(self.width / 32, 1)


def page(review: Review, pixels: NDArray[np.float32] | None = None) -> str:
    """The page. `pixels` [rows, columns] in 0..1 is the image that was read."""
    review = legible(review)
    here = files("sidenote.render")
    style, script = ((here / file).read_text("utf-8") for file in ("page.css", "page.js"))
    return _template().render(
        review=review,
        layout=arrange(review),
        status=plain_status(review),
        patient_line=review.patient.name or review.patient.reference,
        patient_detail=patient_detail(review.patient),
        missing=unavailable(review),
        not_fitting=not_fitting,
        image=_page_image(review, pixels),
        readings=() if review.reading is None else review.reading.findings,
        reading_words=reading_words(review),
        disagreements=disagreement_words(review),
        comparison=comparison(review),
        narrative=narrative(review),
        trust=trust_words(review),
        cited=rows(review, cited=True),
        uncited=rows(review, cited=False),
        case_title=case_title,
        limit=limit,
        method=method,
        voices=telling(review),
        moment=moment,
        short=short_reference,
        finding_words=finding_words,
        evidence_words=EVIDENCE_WORDS,
        marks=MARKS,
        not_a_device=NOT_A_DEVICE,
        ai_label=AI_LABEL,
        model=short_version(review.versions.model),
        style=style,
        script=script,
        style_hash=csp_hash(style),
        script_hash=csp_hash(script),
    )


@cache
def _template() -> Template:
    """Compiled once: a batch renders many pages."""
    return environment().from_string((files("sidenote.render") / "page.html.jinja").read_text("utf-8"))


def _page_image(review: Review, pixels: NDArray[np.float32] | None) -> PageImage | None:
    if pixels is None:
        return None
    grey = Image.fromarray(np.round(fitted(pixels) * 255).astype(np.uint8))
    width, height = grey.size
    read = review.reading is not None and not review.reading.abstained
    return PageImage(
        png=_data_url(grey),
        width=width,
        height=height,
        caption=_caption(review),
        alt="The radiograph under review" + (", with the regions the image model points at" if read else ""),
        left_tag="R",
        right_tag=next((image.view for image in (review.study.images if review.study else ()) if image.view), ""),
        heat=_heat(review, width, height),
        boxes=_boxes(review, width, height),
    )


def _caption(review: Review) -> str:
    return " · ".join(note for image in (review.study.images if review.study else ())[:1] for note in image.notes[:2])


def _data_url(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _heat(review: Review, width: int, height: int) -> str | None:
    """The heat maps of all present findings, laid over each other by their maximum, as a transparent picture."""
    found = () if review.reading is None else review.reading.findings
    grids = [np.asarray(item.heat_map, dtype=np.float32) for item in found if item.heat_map and item.presence == "present"]
    if not grids:
        return None
    strongest = np.max(np.stack(grids), axis=0)
    alpha = Image.fromarray(np.round(np.clip(strongest, 0, 1) * 220).astype(np.uint8))
    alpha = alpha.resize((width // 4, height // 4), Image.Resampling.BICUBIC)
    colour = Image.new("RGBA", alpha.size, (255, 128, 54, 0))
    colour.putalpha(alpha)
    return _data_url(colour)


def _boxes(review: Review, width: int, height: int) -> tuple[Box, ...]:
    return tuple(
        Box(
            tuple(item.id for item in place.items),
            round(place.region.x0 * width, 1),
            round(place.region.y0 * height, 1),
            round((place.region.x1 - place.region.x0) * width, 1),
            round((place.region.y1 - place.region.y0) * height, 1),
        )
        for place in places(review)
    )
