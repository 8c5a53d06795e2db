"""The imaging studies of a chart, and whether an image's own tags fit the patient and the study.

FHIR R4 ImagingStudy, and the resources that carry or describe its pictures: DiagnosticReport, Media, DocumentReference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from fhir.attachments import decode_base64
from fhir.chart import Chart, Fact
from fhir.codes import SNOMED, Side
from fhir.errors import FileRejected, UnknownStudy
from fhir.identity import compare_identity
from fhir.regions import regions, same_region
from fhir.series import endpoints_of, instances_of, series_of, unknown_endpoints
from fhir.study import IdentityCheck, ImageSource, Picture, Series, Study
from fhir.views import codings, concept_text, member, newest_first, objects, status, usable, when

IMAGE_TYPES = ("image/", "application/dicom")
INLINE_LIMIT = 64 * 1024 * 1024
_RADIOGRAPHY = frozenset({"CR", "DX", "RG", "RF", "DR"})
"""DCM codes of one kind of imaging: which of them a room writes is a matter of its detector's age."""
_NOTHING_TO_SEE = "registered"
"""`ImagingStudy.status` of a study of which no image is there yet; the withdrawn ones are not usable at all."""


def studies(chart: Chart) -> tuple[Study, ...]:
    """Every usable ImagingStudy of the chart, newest first; those without a time last."""
    facts = newest_first(tuple(fact for fact in chart.of_type("ImagingStudy") if usable(fact)))
    return tuple(_study(chart, fact) for fact in facts)


def focal_study(chart: Chart, study_id: str | None = None, as_of: datetime | None = None) -> Study | None:
    """The study a review is about: the one asked for, else the newest with a picture, else the newest; None without any.

    Args:
        chart: The chart.
        study_id: `ImagingStudy/id`, id, StudyInstanceUID or accession number. Asked for, it is taken whenever it was made.
        as_of: Aware. A study that is certainly later is not the newest, and neither is one that is only registered.

    Raises:
        UnknownStudy: the one asked for is not in the chart.
    """
    found = studies(chart)
    if study_id is None:
        there = [study for study in found if study.status != _NOTHING_TO_SEE and not _later(study, as_of)]
        return next((study for study in there if study.pictured), there[0] if there else None)
    wanted = study_id.removeprefix("urn:oid:")
    for study in found:
        if wanted in (study.reference, study.reference.partition("/")[2], study.study_uid, study.accession_number):
            return study
    raise UnknownStudy("the asked study is not in the chart")


def _later(study: Study, as_of: datetime | None) -> bool:
    return as_of is not None and study.started is not None and study.started.earliest > as_of


def priors(chart: Chart, study: Study) -> tuple[Study, ...]:
    """Earlier studies to compare with, newest first: of the same kind of imaging, and of no other body part or side."""
    found = (other for other in studies(chart) if other.status != _NOTHING_TO_SEE)
    return tuple(other for other in found if _earlier(other, study) and _comparable(other, study))


def _earlier(other: Study, study: Study) -> bool:
    return other.started is not None and study.started is not None and other.started.latest < study.started.earliest


def _comparable(other: Study, study: Study) -> bool:
    kinds, others = ({"XR" if code in _RADIOGRAPHY else code for code in one.modality} for one in (study, other))
    sides = {study.series_laterality, other.series_laterality} - {None, "bilateral"}
    same = same_region(study.regions, other.regions, (study.body_part, other.body_part))
    return bool(kinds & others) and same and len(sides) < 2


def _study(chart: Chart, fact: Fact) -> Study:
    body, study_uid = fact.body, _study_uid(fact.body)
    reports = _reports(chart, fact)
    elements, series = objects(body.get("series")), series_of(body)
    modalities = [*objects(body.get("modality")), *objects([one.get("modality") for one in elements])]
    orders = tuple(chart.resolve(reference) for reference in _references(body.get("basedOn")) if _is(chart, reference, "ServiceRequest"))
    description = described if isinstance(described := body.get("description"), str) and described else None
    return Study(
        reference=fact.reference,
        study_uid=study_uid,
        accession_number=_accession(body) or _ordered_as(chart, orders),
        modality=tuple(sorted({str(one["code"]) for one in modalities if one.get("code")})),
        body_part=_body_part(body, elements),
        description=description,
        started=when(fact),
        series_laterality=_laterality(series),
        orders=orders,
        reports=tuple(report.reference for report in reports),
        images=tuple(_images(chart, fact, reports)),
        status=status(fact),
        regions=_regions(body, elements, description),
        series=series,
        endpoints=endpoints_of(chart, fact),
        unknown_endpoints=unknown_endpoints(chart, fact),
        instances=instances_of(chart, fact, study_uid),
    )


def _references(value: Any) -> Iterator[str]:
    for one in objects(value if isinstance(value, list) else [value]):
        if isinstance(one.get("reference"), str):
            yield one["reference"]


def _is(chart: Chart, reference: str, resource_type: str) -> bool:
    return chart.resolve(reference).startswith(resource_type + "/")


def _study_uid(body: Mapping[str, Any]) -> str | None:
    for identifier in objects(body.get("identifier")):
        value = str(identifier.get("value", ""))
        if identifier.get("system") == "urn:dicom:uid" or value.startswith("urn:oid:"):
            return value.removeprefix("urn:oid:") or None
    return None


def _accession(body: Mapping[str, Any]) -> str | None:
    for identifier in objects(body.get("identifier")):
        if any(code == "ACSN" for _, code in codings(identifier.get("type"))) and identifier.get("value"):
            return str(identifier["value"])
    return None


def _ordered_as(chart: Chart, orders: Sequence[str]) -> str | None:
    """The accession number of the order, where the study itself has none and its orders agree on one."""
    facts = (chart.get(reference) for reference in orders)
    found = {number for fact in facts if fact is not None and (number := _accession(fact.body))}
    return found.pop() if len(found) == 1 else None


def _body_part(body: Mapping[str, Any], series: Sequence[Mapping[str, Any]]) -> str | None:
    sites = (concept_text(one.get("bodySite")) for one in series)
    procedures = (concept_text(one) for one in objects(body.get("procedureCode")))
    return next((text for text in (*sites, *procedures) if text), None)


def _regions(body: Mapping[str, Any], series: Sequence[Mapping[str, Any]], description: str | None) -> frozenset[str]:
    """Of the body sites, else of the procedure, else of the description."""
    concepts = ([one.get("bodySite") for one in series], [*objects(body.get("procedureCode"))])
    for group in concepts:
        codes = [code for one in group for system, code in codings(one) if system == SNOMED]
        found = regions(codes, [concept_text(one) for one in group])
        if found:
            return found
    return regions((), [description or ""])


def _laterality(series: Sequence[Series]) -> Side | None:
    sides = {one.laterality for one in series if one.laterality}
    if len(sides) > 1:
        return "bilateral"
    return sides.pop() if sides else None


def _reports(chart: Chart, study: Fact) -> tuple[Fact, ...]:
    """DiagnosticReports that name the study, or the order it was made for, newest first."""
    orders = {chart.resolve(reference) for reference in _references(study.body.get("basedOn"))}
    found = []
    for report in chart.of_type("DiagnosticReport"):
        named = {chart.resolve(reference) for reference in _references(report.body.get("imagingStudy"))}
        based = {chart.resolve(reference) for reference in _references(report.body.get("basedOn"))}
        if usable(report) and (study.reference in named or (not named and based & orders)):
            found.append(report)
    return newest_first(tuple(found))


def _images(chart: Chart, study: Fact, reports: tuple[Fact, ...]) -> Iterator[ImageSource]:
    """Pictures of the study: documents and media that name it, media its reports link, pictures its reports present."""
    media_links = [one.get("link") for report in reports for one in objects(report.body.get("media"))]
    linked = {chart.resolve(reference) for reference in _references(media_links)}
    for document in chart.of_type("DocumentReference"):
        related = member(document.body.get("context"), "related")
        if usable(document) and _names(chart, related, study):
            yield from _attachments(chart, document, [one.get("attachment") for one in objects(document.body.get("content"))])
    for media in chart.of_type("Media"):
        if usable(media) and (media.reference in linked or _names(chart, media.body.get("partOf"), study)):
            yield from _attachments(chart, media, [media.body.get("content")])
    for report in reports:
        yield from _attachments(chart, report, report.body.get("presentedForm"))


def _names(chart: Chart, references: Any, study: Fact) -> bool:
    return any(chart.resolve(reference) == study.reference for reference in _references(references))


def _attachments(chart: Chart, fact: Fact, attachments: Any) -> Iterator[ImageSource]:
    for attachment in objects(attachments):
        source = image_source(fact.reference, attachment)
        if source is not None:
            yield replace(source, patient=chart.patient.reference)


def image_source(reference: str, attachment: Mapping[str, Any]) -> ImageSource | None:
    """The ImageSource of an Attachment; None when it is declared to be something else than an image, or holds nothing.

    Data that are not base64 come as no bytes, which every decoder refuses: a broken picture is not a missing one. Elements of another
    shape than FHIR gives them come as texts that nothing fits.
    """
    declared = attachment.get("contentType")
    url, text = attachment.get("url"), attachment.get("data")
    if (declared is not None and not str(declared).startswith(IMAGE_TYPES)) or (url is None and text is None):
        return None
    digest, size = attachment.get("hash"), attachment.get("size")
    return ImageSource(
        reference,
        declared,
        url if url is None or isinstance(url, str) else "",
        _inline(text),
        None if digest is None else str(digest),
        size if size is None or isinstance(size, int) else -1,
    )


def _inline(text: Any) -> bytes | None:
    if text is None:
        return None
    try:
        return decode_base64(str(text), INLINE_LIMIT)
    except FileRejected:
        return b""


def check_identity(image: Picture | ImageSource, chart: Chart, study: Study | None) -> IdentityCheck:
    """Whether the tags of a picture, or what a server's metadata say of one that is not fetched yet, fit the bound patient and the study.

    See `fhir.identity.compare_identity`.
    """
    return compare_identity(image.tags, chart.patient, study, studies(chart))
