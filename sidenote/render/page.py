"""A review as one self-contained HTML page: no network, no external file, readable without its script."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agent.review import ReadingMode, Review, SimilarCase
from sidenote.render.html import csp_hash, environment
from sidenote.render.layout import (
    EVIDENCE_WORDS,
    MARKS,
    NOT_A_DEVICE,
    arrange,
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

READING_WORDS: dict[ReadingMode, str] = {
    "read": "The image was read",
    "abstained": "The image model abstained",
    "refused": "The image was not given to the image model",
    "off": "The image model was not asked, for the reason given under “Not available”; the review rests on the record alone",
    "withheld": "A policy withholds what the image model read",
    "none": "There was no image to read",
}

LONGEST_SIDE = 1024
"""Pixels of the longer side of the embedded image: enough for a page, small enough to mail."""


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
    return (
        environment()
        .from_string((here / "page.html.jinja").read_text("utf-8"))
        .render(
            review=review,
            layout=arrange(review),
            status=plain_status(review),
            patient_line=review.patient.name or review.patient.reference,
            patient_detail=patient_detail(review),
            missing=unavailable(review),
            not_fitting=not_fitting,
            image=_page_image(review, pixels),
            readings=() if review.reading is None else review.reading.findings,
            reading_words=_reading_words(review),
            cited=rows(review, cited=True),
            uncited=rows(review, cited=False),
            case_title=_case_title,
            voices=telling(review),
            moment=moment,
            short=short_reference,
            finding_words=finding_words,
            evidence_words=EVIDENCE_WORDS,
            marks=MARKS,
            not_a_device=NOT_A_DEVICE,
            model=short_version(review.versions.model),
            style=style,
            script=script,
            style_hash=csp_hash(style),
            script_hash=csp_hash(script),
        )
    )


def _reading_words(review: Review) -> str:
    reading = review.reading
    if review.reading_mode == "read" and reading is not None:
        return (
            f"{reading.model} read the image. Its findings are a demonstrator's; its card says on what it was trained and how well it did."
        )
    return (
        f"{READING_WORDS[review.reading_mode]}: {reading.reason}."
        if reading and reading.reason
        else f"{READING_WORDS[review.reading_mode]}."
    )


def _case_title(case: SimilarCase) -> str:
    return "; ".join(finding_words(key, side) for key, side in case.findings) or "no finding stated"


def _page_image(review: Review, pixels: NDArray[np.float32] | None) -> PageImage | None:
    if pixels is None:
        return None
    grey = Image.fromarray(np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    grey.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
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
    placed: dict[tuple[float, ...], list[str]] = {}
    for item in review.evidence:
        if item.region is not None and item.polarity == "present":
            place = (item.region.x0, item.region.y0, item.region.x1, item.region.y1)
            placed.setdefault(tuple(round(edge, 2) for edge in place), []).append(item.id)
    return tuple(
        Box(tuple(ids), round(x0 * width, 1), round(y0 * height, 1), round((x1 - x0) * width, 1), round((y1 - y0) * height, 1))
        for (x0, y0, x1, y1), ids in placed.items()
    )
