"""What the image model is asked: the focal images and the prior ones, and words that name nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args

from agent.identity import review_patient
from agent.known_identifiers import plain, without_known
from agent.nodes.study import Seen
from fhir.chart import Chart
from fhir.regions import regions
from fhir.study import Picture, Study
from fhir.views import concept_text, objects
from retrieval.deidentify.report import deidentify
from tools.med_vlm.asked import Asked, Image, Sex
from tools.med_vlm.profile import PROJECTION_RADIOGRAPHS

FRONTAL = ("PA", "AP")
_LONGEST = 600
"""Characters of a question or an indication that a model is shown: both are a sentence or two."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is said beside the images. A model may stand on another machine, so nothing here says who it is about."""

    question: str = field(default="", repr=False)
    indication: str = field(default="", repr=False)
    age_years: float | None = None
    sex: Sex | None = None


def words_of(chart: Chart, study: Study | None, question: str | None, as_of: datetime) -> Words:
    """The question, why the study was ordered, age and sex; names, dates and numbers of people are taken out.

    Those that the record gives its patient are taken out as they stand there, others by the rules of `retrieval.deidentify.report`.
    """
    patient = review_patient(chart, as_of)
    sex = next((one for one in get_args(Sex) if one == patient.sex), None)
    return Words(_clean(question or "", chart), _clean(indication(chart, study), chart), patient.age, sex)


def indication(chart: Chart, study: Study | None) -> str:
    """`ServiceRequest.reasonCode` of the orders of the study, in their own words; an empty string where none says why."""
    orders = (chart.get(reference) for reference in (study.orders if study else ()))
    reasons = [concept_text(reason) for order in orders if order is not None for reason in objects(order.body.get("reasonCode"))]
    return "; ".join(dict.fromkeys(reason for reason in reasons if reason))


def _clean(text: str, chart: Chart) -> str:
    return deidentify(without_known(plain(text), chart)).text[:_LONGEST] if text.strip() else ""


def asked_of(seen: Seen, words: Words) -> Asked | None:
    """The question about the images of `seen`, the frontal one first; None when there is no frontal image."""
    images = _images(seen)
    if not images:
        return None
    priors = () if seen.prior is None else _images(seen.prior)
    return Asked(images, priors, words.question, words.indication, words.age_years, words.sex)


def _images(seen: Seen) -> tuple[Image, ...]:
    first = frontal(seen.pictures)
    if first is None:
        return ()
    others = (picture for picture in seen.pictures if picture is not first)
    return tuple(_image(picture, seen.study) for picture in (first, *others))


def _image(picture: Picture, study: Study | None) -> Image:
    tagged = regions((), (picture.tags.get("BodyPartExamined", ""),))
    shown = tagged or (study.regions if study else frozenset())
    view = picture.tags.get("ViewPosition") or None
    return Image(picture.pixels, view, _modality(picture, study), next(iter(shown)) if len(shown) == 1 else None, picture.sha256)


def _modality(picture: Picture, study: Study | None) -> str | None:
    """What the file says; what the record says of its study, where the file says nothing, or a modality that the study has not.

    None where the study has several, a radiograph among them, and the file does not say which of them it is.
    """
    stated, listed = picture.tags.get("Modality") or None, study.modality if study else ()
    if not listed or stated in listed or (len(listed) > 1 and set(listed) & set(PROJECTION_RADIOGRAPHS)):
        return stated
    return listed[0]


def frontal(pictures: tuple[Picture, ...]) -> Picture | None:
    """The first picture whose tags say that it is frontal, else the first that does not say its view; never another view."""
    said = [picture for picture in pictures if picture.tags.get("ViewPosition") in FRONTAL]
    silent = [picture for picture in pictures if not picture.tags.get("ViewPosition")]
    return next(iter((*said, *silent)), None)
