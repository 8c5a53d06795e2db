"""The imaging studies of a chart, and whether an image's own tags fit the patient and the study.

FHIR R4 ImagingStudy, and the resources that carry or describe its pictures: DiagnosticReport, Media, DocumentReference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fhir.attachments import decode_base64
from fhir.chart import Chart, Fact
from fhir.codes import LATERALITY_SNOMED, Side
from fhir.errors import FileRejected, UnknownStudy
from fhir.identity import compare_identity
from fhir.study import IdentityCheck, ImageSource, Picture, Study
from fhir.views import codings, concept_text, member, newest_first, objects, usable, when

IMAGE_TYPES = ("image/", "application/dicom")
INLINE_LIMIT = 64 * 1024 * 1024
_RADIOGRAPHY = frozenset({"CR", "DX", "RG", "RF", "DR"})


def studies(chart: Chart) -> tuple[Study, ...]:
    """Every usable ImagingStudy of the chart, newest first; those without a time last."""
    facts = newest_first(tuple(fact for fact in chart.of_type("ImagingStudy") if usable(fact)))
    return tuple(_study(chart, fact) for fact in facts)


def focal_study(chart: Chart, study_id: str | None = None) -> Study | None:
    """The study a review is about: the one asked for, else the newest with an image, else the newest; None without any.

    Args:
        chart: The chart.
        study_id: `ImagingStudy/id`, id, StudyInstanceUID or accession number.

    Raises:
        UnknownStudy: the one asked for is not in the chart.
    """
    found = studies(chart)
    if study_id is None:
        return next((study for study in found if study.images), found[0] if found else None)
    wanted = study_id.removeprefix("urn:oid:")
    for study in found:
        if wanted in (study.reference, study.reference.partition("/")[2], study.study_uid, study.accession_number):
            return study
    raise UnknownStudy("the asked study is not in the chart")


def priors(chart: Chart, study: Study) -> tuple[Study, ...]:
    """Earlier studies to compare with, newest first: of the same kind of imaging, and of no other body part."""
    return tuple(other for other in studies(chart) if _earlier(other, study) and _comparable(other, study))


def _earlier(other: Study, study: Study) -> bool:
    return other.started is not None and study.started is not None and other.started.latest < study.started.earliest


def _comparable(other: Study, study: Study) -> bool:
    kinds, others = ({"XR" if code in _RADIOGRAPHY else code for code in one.modality} for one in (study, other))
    parts = (study.body_part, other.body_part)
    return bool(kinds & others) and (None in parts or str(parts[0]).lower() == str(parts[1]).lower())


def _study(chart: Chart, fact: Fact) -> Study:
    body = fact.body
    reports = _reports(chart, fact)
    series = objects(body.get("series"))
    modalities = [*objects(body.get("modality")), *objects([one.get("modality") for one in series])]
    return Study(
        reference=fact.reference,
        study_uid=_study_uid(body),
        accession_number=_accession(body),
        modality=tuple(sorted({str(one["code"]) for one in modalities if one.get("code")})),
        body_part=_body_part(body, series),
        description=described if isinstance(described := body.get("description"), str) and described else None,
        started=when(fact),
        series_laterality=_laterality(series),
        orders=tuple(chart.resolve(reference) for reference in _references(body.get("basedOn")) if _is(chart, reference, "ServiceRequest")),
        reports=tuple(report.reference for report in reports),
        images=tuple(_images(chart, fact, reports)),
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


def _body_part(body: Mapping[str, Any], series: Sequence[Mapping[str, Any]]) -> str | None:
    sites = (concept_text(one.get("bodySite")) for one in series)
    procedures = (concept_text(one) for one in objects(body.get("procedureCode")))
    return next((text for text in (*sites, *procedures) if text), None)


def _laterality(series: Sequence[Mapping[str, Any]]) -> Side | None:
    codes = (str(member(one.get("laterality"), "code")) for one in series)
    sides = {LATERALITY_SNOMED[code] for code in codes if code in LATERALITY_SNOMED}
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
            yield from _attachments(document, [one.get("attachment") for one in objects(document.body.get("content"))])
    for media in chart.of_type("Media"):
        if usable(media) and (media.reference in linked or _names(chart, media.body.get("partOf"), study)):
            yield from _attachments(media, [media.body.get("content")])
    for report in reports:
        yield from _attachments(report, objects(report.body.get("presentedForm")))


def _names(chart: Chart, references: Any, study: Fact) -> bool:
    return any(chart.resolve(reference) == study.reference for reference in _references(references))


def _attachments(fact: Fact, attachments: Sequence[Any]) -> Iterator[ImageSource]:
    for attachment in objects(attachments):
        source = image_source(fact.reference, attachment)
        if source is not None:
            yield source


def image_source(reference: str, attachment: Mapping[str, Any]) -> ImageSource | None:
    """The ImageSource of an Attachment; None when it is declared to be something else than an image, or holds nothing.

    Data that are not base64 come as no bytes, which every decoder refuses: a broken picture is not a missing one.
    """
    declared = attachment.get("contentType")
    url, text = attachment.get("url"), attachment.get("data")
    if (declared is not None and not str(declared).startswith(IMAGE_TYPES)) or (url is None and text is None):
        return None
    return ImageSource(reference, declared, url, _inline(text), attachment.get("hash"), attachment.get("size"))


def _inline(text: Any) -> bytes | None:
    if text is None:
        return None
    try:
        return decode_base64(str(text), INLINE_LIMIT)
    except FileRejected:
        return b""


def check_identity(picture: Picture, chart: Chart, study: Study | None) -> IdentityCheck:
    """Whether a picture's own tags fit the bound patient and the study; see `fhir.identity.compare_identity`."""
    return compare_identity(picture.tags, chart.patient, study, studies(chart))
