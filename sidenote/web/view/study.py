"""The study under review: its images with the regions a finding lies in, whose they are, and what they can be compared with."""

from __future__ import annotations

from agent.asking import frontal
from agent.graph import Finished
from agent.review import Review, ReviewIdentity, ReviewImage
from fhir.imaging import priors
from fhir.study import Picture, Study
from sidenote.render.layout import finding_words, moment
from sidenote.render.legible import spelled
from sidenote.render.picture import fitted_size, places
from sidenote.web.wire.view import BoxView, HeatView, ImageView, PriorView, StudyView

MOST_PRIORS = 3
"""Earlier studies offered. A reader compares with the last one; more is an archive."""
IDENTITY_WORDS = {
    "match": "The image carries this patient's identity: {fields}.",
    "mismatch": "The image carries somebody else's identity ({fields}). It is not shown, and no model saw it.",
    "unknown": "The image does not say whose it is, or not enough to tell. Compare it with the patient before use.",
    "none": "No image was available.",
}


def study_view(review: Review, finished: Finished) -> StudyView | None:
    """The study; None without one and without an image. `review` is what is shown of `finished`."""
    study = review.study
    if study is None:
        return None
    return StudyView(
        description=study.description or "",
        when=moment(study.started) if study.started else "",
        modality=", ".join(study.modality),
        reference=study.reference,
        identity=study.identity.outcome if study.identity else "none",
        identity_words=_identity_words(study.identity),
        images=_images(review, finished.pictures),
        priors=tuple(prior_view(number, prior) for number, prior in enumerate(priors_of(finished), start=1)),
    )


def priors_of(finished: Finished) -> tuple[Study, ...]:
    """Earlier comparable studies that have a picture, newest first, at most three; none of a review whose image is somebody else's."""
    snapshot = finished.snapshot
    identity = snapshot.facts.identity
    if snapshot.study is None or finished.review.status == "withheld" or (identity is not None and identity.outcome == "mismatch"):
        return ()
    return tuple(prior for prior in priors(snapshot.chart, snapshot.study) if prior.pictured)[:MOST_PRIORS]


def prior_view(number: int, prior: Study) -> PriorView:
    """An earlier study, numbered from 1."""
    return PriorView(
        number=number,
        description=spelled(prior.description or prior.body_part or ""),
        when=moment(prior.started.text) if prior.started else "",
        modality=spelled(", ".join(prior.modality)),
    )


def _identity_words(identity: ReviewIdentity | None) -> str:
    outcome = identity.outcome if identity else "none"
    fields = ", ".join(name for name, said in (identity.fields if identity else ()) if said == outcome)
    return IDENTITY_WORDS[outcome].format(fields=fields)


def _images(review: Review, pictures: tuple[Picture, ...]) -> tuple[ImageView, ...]:
    """Only images that there are pixels of: none is left of somebody else's."""
    told = {image.sha256: image for image in (review.study.images if review.study else ())}
    read = frontal(pictures)
    return tuple(_image(review, told[picture.sha256], read=picture is read) for picture in pictures)


def _image(review: Review, image: ReviewImage, *, read: bool) -> ImageView:
    rows, columns = fitted_size(image.rows, image.columns)
    return ImageView(
        sha256=image.sha256,
        rows=rows,
        columns=columns,
        view=image.view or "",
        notes=image.notes,
        frontal=read,
        boxes=_boxes(review) if read else (),
        heat_maps=_heat_maps(review) if read else (),
    )


def _boxes(review: Review) -> tuple[BoxView, ...]:
    return tuple(
        BoxView(
            finding=", ".join(dict.fromkeys(finding_words(item.finding or "", item.side) for item in place.items)),
            evidence=tuple(item.id for item in place.items),
            region=place.region,
        )
        for place in places(review)
    )


def _heat_maps(review: Review) -> tuple[HeatView, ...]:
    """Of present findings, in the order of the vocabulary."""
    found = () if review.reading is None else review.reading.findings
    return tuple(
        HeatView(
            finding=finding_words(item.key, item.side),
            evidence=tuple(each.id for each in review.evidence if each.kind == "image_finding" and each.finding == item.key),
            rows=tuple(tuple(round(value, 3) for value in row) for row in item.heat_map),
        )
        for item in found
        if item.heat_map and item.presence == "present"
    )
