"""Texts of the chart: what is shown of them, and what is never shown as markup."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.chart.documents import drafts, is_image_file, notes
from sandbox.patients.story import CLOCK

Charts = Callable[..., Any]


def attached(kind: str, data: str, **more: Any) -> dict[str, Any]:
    return {"attachment": {"contentType": kind, "data": base64.b64encode(data.encode()).decode(), **more}}


def note(*content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "DocumentReference", "status": "current", "content": list(content), "date": "2026-11-19T08:00:00Z", **more}


def test_a_note_is_its_title_and_its_text(chart_with: Charts) -> None:
    (found,) = notes(chart_with(note(attached("text/plain; charset=utf-8", "All well.", title="Clinic letter"))), CLOCK)
    assert (found.title, found.text, found.when, found.status) == ("Clinic letter", "All well.", "19 Nov 2026, 08:00", "")


@pytest.mark.parametrize(
    "content", [attached("text/html", "<b>x</b>"), {"attachment": {"contentType": "text/plain", "data": "!!"}}, {"attachment": "x"}, {}]
)
def test_of_what_is_no_plain_text_nothing_is_shown(content: dict[str, Any], chart_with: Charts) -> None:
    (found,) = notes(chart_with(note(content, type={"text": "Note"})), CLOCK)
    assert (found.title, found.text) == ("Note", "")


def test_files_that_are_images_are_no_notes(chart_with: Charts) -> None:
    image = note({"attachment": {"contentType": "application/dicom", "url": "Binary/x"}})
    assert is_image_file(image)
    assert not is_image_file(note())
    assert notes(chart_with(image), CLOCK) == ()


def test_a_report_of_no_study_is_among_the_notes(chart_with: Charts) -> None:
    loose = {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "Echo"}, "conclusion": "Good function."}
    of_study = {**loose, "imagingStudy": [{"reference": "ImagingStudy/s"}]}
    assert [(found.title, found.text) for found in notes(chart_with(loose, of_study), CLOCK)] == [("Echo", "Good function.")]


def test_what_an_app_wrote_says_that_it_is_preliminary_and_made_by_an_ai(chart_with: Charts) -> None:
    label = {"security": [{"code": "AIAST"}]}
    issue = {"resourceType": "DetectedIssue", "status": "preliminary", "detail": "Contrast and eGFR 24", "meta": label}
    risk = {
        "resourceType": "RiskAssessment",
        "status": "preliminary",
        "prediction": [{"outcome": {"text": "Pneumothorax"}, "probabilityDecimal": 0.98}],
        "text": {"status": "generated", "div": "<div><script>alert(1)</script></div>"},
    }
    found = {one.title: one for one in drafts(chart_with(issue, risk), CLOCK)}
    assert (found["DetectedIssue"].text, found["DetectedIssue"].status, found["DetectedIssue"].by_ai) == (
        "Contrast and eGFR 24",
        "preliminary",
        True,
    )
    assert (found["RiskAssessment"].text, found["RiskAssessment"].by_ai) == ("Pneumothorax: 0.98", False)
