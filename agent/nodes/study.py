"""study: the focal study and its pixels, each image checked against the bound patient before anything looks at it.

An image the user named that cannot be decoded refuses the review: the user asked about it. An image of the chart's own that
cannot be fetched or decoded does not: the review goes on without it, says so in its manifest, and is never "presented"
(`agent.nodes.guard`), since what is missing might have been the point.

Where an image server says beforehand whose an image is, that is compared first: another patient's pixels are not even fetched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from agent.request import ReviewRequest
from fhir.attachments import no_picture
from fhir.chart import Chart
from fhir.codes import Side
from fhir.errors import FileRejected, RecordError, WrongPatientImage
from fhir.imaging import check_identity, focal_study, priors
from fhir.pixels import decode
from fhir.source import Source
from fhir.study import IdentityCheck, ImageSource, Listed, Picture, Study

MOST_IMAGES = 4
"""Images decoded of one study. A radiographic study has one to three; more are named in the manifest."""
MOST_BYTES = 64 * 1024 * 1024
_SIDES: dict[str, Side] = {"L": "left", "R": "right", "B": "bilateral"}
_BAD = {"match": 0, "unknown": 1, "mismatch": 2}


@dataclass(frozen=True, slots=True)
class SeenImage:
    """An image that was decoded, without its pixels."""

    sha256: str
    kind: Literal["dicom", "png", "jpeg"]
    rows: int
    columns: int
    view: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the step found, without pixels: what is recorded and replayed."""

    study: str | None
    """Reference of the focal study; None when the chart has none."""
    images: tuple[SeenImage, ...] = ()
    identity: IdentityCheck | None = None
    image_side: Side | None = None
    refused: tuple[str, ...] = ()
    """Codes of the errors for which images of the chart were left out."""
    notes: tuple[str, ...] = ()
    prior: PriorFacts | None = None
    """Of the study that it is compared with; None when none was looked for or there is none."""


@dataclass(frozen=True, slots=True)
class PriorFacts:
    """What was found of the study before."""

    started: str | None
    """When it began, in the record's own words."""
    seen: Facts


@dataclass(frozen=True)
class Seen:
    """The focal study, what was found, and the pictures.

    After an identity mismatch there are no pictures: they are dropped here, before any model could see them.
    """

    study: Study | None
    facts: Facts
    pictures: tuple[Picture, ...] = ()
    prior: Seen | None = None
    """The newest comparable study before, with its pictures."""


async def look_at_study(request: ReviewRequest, chart: Awaitable[Chart], source: Source, *, compare: bool = False) -> Seen:
    """The focal study with its pictures. Images named in the request are decoded while the chart is still being pulled.

    With `compare` the newest comparable study before it is fetched beside it. Whatever is wrong with that one is said in its facts,
    and is no reason to refuse the review.

    Raises:
        FileRejected: an image named in the request is missing, too large, or no image.
        UnknownStudy: the study named in the request is not in the chart.
    """
    named = asyncio.gather(*(asyncio.to_thread(_decode_named, image) for image in request.images[:MOST_IMAGES]))
    try:
        whole = await chart
        study = focal_study(whole, request.study, request.as_of)
    except BaseException:
        named.cancel()
        raise
    given = tuple(await named)
    if request.images:
        return _checked(whole, study, _Fetched(given, notes=_too_many(len(request.images))))
    if study is None:
        return _checked(whole, None, _Fetched())
    earlier = next(iter(priors(whole, study)), None) if compare else None
    if earlier is None:
        return await pictures_of(whole, study, source)
    focal, prior = await asyncio.gather(pictures_of(whole, study, source), pictures_of(whole, earlier, source))
    began = earlier.started.text if earlier.started else None
    return replace(focal, facts=replace(focal.facts, prior=PriorFacts(began, prior.facts)), prior=prior)


async def pictures_of(chart: Chart, study: Study, source: Source) -> Seen:
    """The pictures of a study of `chart`, each compared with the patient and the study."""
    listed = await source.images_of(study, MOST_IMAGES)
    foretold = _worst([check_identity(image, chart, study) for image in listed.images if image.tags])
    if foretold is not None and foretold.outcome == "mismatch":
        return _quarantined(study, Facts(study.reference, identity=foretold, refused=listed.refused, notes=listed.notes))
    return _checked(chart, study, await _fetch_all(source, listed))


def _decode_named(image: Path | bytes) -> Picture:
    if isinstance(image, bytes):
        data = image
    else:
        try:
            with image.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise FileRejected("the named image file cannot be read") from error
    if len(data) > MOST_BYTES:
        raise FileRejected(f"the named image is larger than {MOST_BYTES} bytes")
    return decode(data)


@dataclass(frozen=True)
class _Fetched:
    pictures: tuple[Picture, ...] = ()
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


async def _fetch_all(source: Source, listed: Listed) -> _Fetched:
    found = await asyncio.gather(*(_fetch(source, image) for image in listed.images[:MOST_IMAGES]))
    unique = {picture.sha256: picture for picture in found if isinstance(picture, Picture)}
    missing = found.count(None)
    others = (f"{missing} attached files of the study are no pictures",) if missing else ()
    return _Fetched(
        tuple(unique.values()),
        (*listed.refused, *(code for code in found if isinstance(code, str))),
        (*listed.notes, *_too_many(len(listed.images)), *others),
    )


async def _fetch(source: Source, image: ImageSource) -> Picture | str | None:
    """The picture, or the code of the error for which it is left out; None for what nobody said to be a picture, and is none."""
    try:
        data = await source.fetch(image, MOST_BYTES)
        if image.content_type is None and no_picture(data):
            return None
        picture = await asyncio.to_thread(decode, data, declared=image.content_type)
    except RecordError as error:
        return error.code
    held = image.instance
    if held is not None and picture.tags.get("SOPInstanceUID", held.instance_uid) != held.instance_uid:
        return FileRejected.code
    return picture


def _worst(checks: list[IdentityCheck]) -> IdentityCheck | None:
    return max(checks, key=lambda check: _BAD[check.outcome], default=None)


def _checked(chart: Chart, study: Study | None, found: _Fetched) -> Seen:
    worst = _worst([check_identity(picture, chart, study) for picture in found.pictures])
    facts = Facts(
        study=study.reference if study else None,
        images=tuple(_seen(picture) for picture in found.pictures),
        identity=worst,
        image_side=_image_side(found.pictures),
        refused=found.refused,
        notes=found.notes,
    )
    if worst is not None and worst.outcome == "mismatch":
        return _quarantined(study, facts)
    return Seen(study, facts, found.pictures)


def _quarantined(study: Study | None, facts: Facts) -> Seen:
    return Seen(study, replace(facts, refused=(*facts.refused, WrongPatientImage.code), image_side=None), ())


def _seen(picture: Picture) -> SeenImage:
    rows, columns = picture.pixels.shape
    return SeenImage(picture.sha256, picture.kind, rows, columns, picture.tags.get("ViewPosition") or None, picture.notes)


def _image_side(pictures: tuple[Picture, ...]) -> Side | None:
    """The side the images' own tags agree on (DICOM (0020,0060) Laterality, (0020,0062) ImageLaterality)."""
    tags = (picture.tags.get(name, "") for picture in pictures for name in ("ImageLaterality", "Laterality"))
    sides = {_SIDES[tag.strip().upper()] for tag in tags if tag.strip().upper() in _SIDES}
    return sides.pop() if len(sides) == 1 else None


def _too_many(number: int) -> tuple[str, ...]:
    return (f"{number - MOST_IMAGES} of {number} images were not looked at",) if number > MOST_IMAGES else ()
