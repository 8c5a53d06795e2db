"""Texts of the chart: reports, notes, and what applications wrote into it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fhir.chart import Chart, Fact
from fhir.views import concept_text, objects, status
from sandbox.chart.record import date_of, listed, text_of
from sandbox.chart.times import ago, shown

_IMAGES = ("image/", "application/dicom")
_LONGEST = 20_000
"""Characters of a text that are shown at most."""
_AI_LABEL = "AIAST"
"""Of v3-ObservationValue: asserted by an artificial intelligence."""
_DRAFTS = ("Composition", "DetectedIssue", "RiskAssessment", "GuidanceResponse", "Task")


@dataclass(frozen=True, slots=True)
class Document:
    """One text of the chart; "" for what is not on record."""

    title: str
    text: str
    when: str
    ago: str
    status: str
    """Only where it is not final or current."""
    by_ai: bool
    """Whether it is labelled as made by an artificial intelligence."""


def notes(chart: Chart, now: datetime) -> tuple[Document, ...]:
    """Clinical notes, and reports that belong to no imaging study, newest first; files that are images are no notes."""
    facts = [fact for fact in listed(chart, "DocumentReference") if not is_image_file(fact.body)]
    loose = [fact for fact in listed(chart, "DiagnosticReport") if not objects(fact.body.get("imagingStudy"))]
    return tuple(_document(fact, now) for fact in (*facts, *loose))


def drafts(chart: Chart, now: datetime) -> tuple[Document, ...]:
    """What applications wrote, newest first."""
    return tuple(_document(fact, now) for fact in listed(chart, *_DRAFTS))


def report(fact: Fact, now: datetime) -> Document:
    """A DiagnosticReport."""
    return _document(fact, now)


def _document(fact: Fact, now: datetime) -> Document:
    date, state = date_of(fact), text_of(fact.body.get("docStatus")) or status(fact) or ""
    text = next(_texts(fact.body), "") or conclusion(fact) or _narrative(fact.body)
    return Document(
        _title(fact), text[:_LONGEST], shown(date), ago(date, now), "" if state in ("final", "current") else state, _by_ai(fact)
    )


def conclusion(fact: Fact) -> str:
    """What a report comes to."""
    return text_of(fact.body.get("conclusion"))


def _title(fact: Fact) -> str:
    body = fact.body
    attached = (text_of(one.get("title")) for one in _attachments(body)) if fact.resource_type == "DocumentReference" else iter(())
    named = (text_of(body.get("title")), concept_text(body.get("code")), concept_text(body.get("type")))
    return next((text for text in (*attached, *named) if text), fact.resource_type)


def _attachments(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for content in objects(body.get("content")):
        attachment = content.get("attachment")
        if isinstance(attachment, dict):
            yield attachment
    yield from objects(body.get("presentedForm"))


def _texts(body: Mapping[str, Any]) -> Iterator[str]:
    """Attached plain text; of other media nothing is shown."""
    for attachment in _attachments(body):
        if text_of(attachment.get("contentType")).partition(";")[0].strip() == "text/plain":
            yield _plain(attachment.get("data"))


def _plain(data: Any) -> str:
    try:
        return base64.b64decode(text_of(data), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _narrative(body: Mapping[str, Any]) -> str:
    """What a resource without an attached text says in its own elements: never its XHTML."""
    said = [text_of(body.get("detail")), text_of(body.get("description"))]
    for prediction in objects(body.get("prediction")):
        said.append(f"{concept_text(prediction.get('outcome'))}: {prediction.get('probabilityDecimal', 'no figure')}")
    return "\n".join(text for text in said if text)


def is_image_file(body: Mapping[str, Any]) -> bool:
    """Whether a resource is a document that holds or names nothing but images."""
    kinds = [text_of(one.get("contentType")) for one in _attachments(body)]
    return body.get("resourceType") == "DocumentReference" and bool(kinds) and all(kind.startswith(_IMAGES) for kind in kinds)


def _by_ai(fact: Fact) -> bool:
    meta = fact.body.get("meta")
    labels = objects(meta.get("security")) if isinstance(meta, Mapping) else ()
    return any(label.get("code") == _AI_LABEL for label in labels)
