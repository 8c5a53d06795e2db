"""The imaging list: studies with their images and reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fhir.chart import Chart
from fhir.imaging import studies
from fhir.study import ImageSource, Study
from sandbox.chart.documents import Document, conclusion, report
from sandbox.chart.times import ago, shown


@dataclass(frozen=True, slots=True)
class StudyReport:
    """A report of a study: what it comes to, and the whole of it."""

    conclusion: str
    document: Document


@dataclass(frozen=True, slots=True)
class ListedStudy:
    """One study of the list; "" for what is not on record."""

    id: str
    title: str
    modality: str
    accession: str
    when: str
    ago: str
    images: tuple[int, ...]
    """Numbers of the images that the chart can show."""
    reports: tuple[StudyReport, ...]


def imaging(chart: Chart, now: datetime) -> tuple[ListedStudy, ...]:
    """The studies of a chart, newest first."""
    return tuple(_listed(chart, study, now) for study in studies(chart))


def _listed(chart: Chart, study: Study, now: datetime) -> ListedStudy:
    started = study.started.text if study.started else None
    facts = [fact for reference in study.reports if (fact := chart.get(reference)) is not None]
    return ListedStudy(
        id=study.reference.partition("/")[2],
        title=study.description or study.body_part or "Imaging study",
        modality=", ".join(study.modality),
        accession=study.accession_number or "",
        when=shown(started),
        ago=ago(started, now),
        images=tuple(range(len(pictures_of(study)))),
        reports=tuple(StudyReport(conclusion(fact), report(fact, now)) for fact in facts),
    )


def pictures_of(study: Study) -> tuple[ImageSource, ...]:
    """The images of a study: those attached in the record, else those an image server has."""
    return study.images or study.instances


def picture(chart: Chart, study_id: str, number: int) -> ImageSource | None:
    """An image by its study and number; None when the chart has no such image."""
    for study in studies(chart):
        if study.reference == f"ImagingStudy/{study_id}":
            found = pictures_of(study)
            return found[number] if number < len(found) else None
    return None
