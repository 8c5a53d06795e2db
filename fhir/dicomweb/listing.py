"""From a study of the chart to the few images that are worth fetching, each with what the server's metadata say of it.

The metadata come first, so that another patient's pixels are never fetched (the caller compares `ImageSource.tags`), and neither is
what could not be decoded anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from fhir.dicomweb.attributes import Attributes
from fhir.dicomweb.choose import Candidate, choose
from fhir.dicomweb.client import DicomwebClient
from fhir.errors import FileRejected, NotDicomweb, NotThere, RecordError, RequestRefused
from fhir.series import DICOM, uid
from fhir.study import ImageSource, Instance, Listed, Study

ClientAt = Callable[[str], DicomwebClient]
"""A client of the DICOMweb service at an address of the record. Raises ElsewhereRefused when its origin is not on the list."""
MOST_PIXELS = 64_000_000
"""Rows times columns of an image that the decoder takes (`fhir.pixel_worker.MAX_PIXELS`)."""
MOST_FRAMES = 100_000
MOST_BITS = 32


async def listed(client_at: ClientAt, study: Study, most: int) -> Listed:
    """The images of a study, at most `most`: from its image server when it has one that answers, else what the record attaches.

    What an image server cannot give is told in `Listed.refused`; the attached pictures then stand in.

    Args:
        client_at: How the server at an address is asked.
        study: The study.
        most: Images at most, 1 or more.
    """
    refused: list[str] = []
    notes: list[str] = []
    for address in _addresses(study):
        try:
            found = await _at(client_at(address), address, study, most)
        except RecordError as error:
            refused.append(error.code)
            continue
        if found.images or found.refused:
            left = len(study.images)
            attached = (f"{left} attached pictures left out: the image server has the study",) if left else ()
            return replace(found, notes=(*found.notes, *attached))
        notes += found.notes
    more = len(study.images) - most
    if more > 0:
        notes.append(f"{more} of {len(study.images)} images were not looked at")
    return Listed(study.images[:most], tuple(notes), tuple(refused))


def _addresses(study: Study) -> tuple[str, ...]:
    """The services that have the instances the record lists, then the others it names."""
    listed_at = (image.instance.address for image in study.instances if image.instance)
    return tuple(dict.fromkeys([*listed_at, *study.endpoints]))


async def _at(client: DicomwebClient, address: str, study: Study, most: int) -> Listed:
    candidates = _recorded(study, address)
    elsewhere = len(study.instances) - len(candidates)
    notes: tuple[str, ...] = (f"{elsewhere} images at another image server were not looked at",) if candidates and elsewhere else ()
    if not candidates:
        candidates, notes = await instances_at(client, address, study)
    images, left_out = choose(candidates, most)
    described = await asyncio.gather(*(_described(client, image) for image in images))
    return Listed(
        tuple(one for one in described if isinstance(one, ImageSource)),
        (*notes, *left_out),
        tuple(one for one in described if isinstance(one, str)),
    )


def _recorded(study: Study, address: str) -> tuple[Candidate, ...]:
    """What the record lists, when it lists as many as it says there are, and some of every series."""
    modality = {series.uid: series.modality for series in study.series}
    found = tuple(
        Candidate(image, modality.get(image.instance.series_uid))
        for image in study.instances
        if image.instance and image.instance.address == address
    )
    stated = sum(series.number_of_instances or 0 for series in study.series)
    listed = {image.instance.series_uid for image in study.instances if image.instance}
    every = all(series.uid in listed for series in study.series if series.number_of_instances != 0)
    return found if every and len(study.instances) >= stated else ()


async def instances_at(client: DicomwebClient, address: str, study: Study) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """The instances of a study as QIDO-RS lists them, in the order of series and instance numbers, and whether some are missing.

    Raises as `DicomwebClient.instances` does; RequestRefused when the study has no StudyInstanceUID, NotThere when the server lists none,
    NotDicomweb when it lists nothing but what is of other studies or has no usable UIDs.
    """
    if study.study_uid is None:
        raise RequestRefused("a study without a UID cannot be asked for")
    found = await client.instances(study.study_uid)
    if not found.matches:
        raise NotThere("the image server does not have the study")
    matches = [one for one in found.matches if one.text("StudyInstanceUID") in (study.study_uid, "")]
    candidates = tuple(candidate for one in sorted(matches, key=_order) if (candidate := _candidate(one, address, study)))
    if not candidates:
        raise NotDicomweb("the image server listed nothing that can be asked for of the study")
    return candidates, ("the image server does not list the study completely",) if found.truncated or _fewer(candidates, study) else ()


def _fewer(candidates: tuple[Candidate, ...], study: Study) -> bool:
    return len(candidates) < sum(series.number_of_instances or 0 for series in study.series)


def _order(found: Attributes) -> tuple[int, str, int, str]:
    series, instance = found.number("SeriesNumber"), found.number("InstanceNumber")
    last = 1 << 31
    return (
        last if series is None else series,
        found.text("SeriesInstanceUID"),
        last if instance is None else instance,
        found.text("SOPInstanceUID"),
    )


def _candidate(found: Attributes, address: str, study: Study) -> Candidate | None:
    series_uid, instance_uid = uid(found.text("SeriesInstanceUID")), uid(found.text("SOPInstanceUID"))
    if study.study_uid is None or series_uid is None or instance_uid is None:
        return None
    held = Instance(address, study.study_uid, series_uid, instance_uid, uid(found.text("SOPClassUID")), found.number("NumberOfFrames"))
    return Candidate(ImageSource(study.reference, DICOM, instance=held), found.text("Modality") or None)


async def _described(client: DicomwebClient, image: ImageSource) -> ImageSource | str:
    """The image with its metadata; the code of the error for which it is left out.

    A server that does not offer metadata leaves the check to the file itself.
    """
    held = image.instance
    if held is None:
        return image
    try:
        found = _the_one(await client.metadata(held.study_uid, held.series_uid, held.instance_uid), held)
        _require_decodable(found)
    except RequestRefused:
        return image
    except RecordError as error:
        return error.code
    frames = found.number("NumberOfFrames")
    return replace(image, tags=found.tags(), instance=replace(held, sop_class=uid(found.text("SOPClassUID")), frames=frames))


def _the_one(found: tuple[Attributes, ...], held: Instance) -> Attributes:
    if len(found) != 1 or found[0].text("SOPInstanceUID") not in (held.instance_uid, ""):
        raise NotDicomweb("the image server described another instance than the one asked for")
    return found[0]


def _require_decodable(found: Attributes) -> None:
    """Limits on size, frames and depth before anything is fetched (STANDARDS D4).

    Raises:
        FileRejected: it is more than can be decoded.
    """
    rows, columns = found.number("Rows") or 0, found.number("Columns") or 0
    deep = (found.number("BitsAllocated") or 8) > MOST_BITS
    if rows * columns > MOST_PIXELS or deep or (found.number("NumberOfFrames") or 1) > MOST_FRAMES:
        raise FileRejected("the image has more pixels, frames or bits than can be decoded")
