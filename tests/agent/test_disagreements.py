"""The image model against the report, where no row of the voices shows it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from agent.disagreements import disagreements
from agent.review import Say, Voice
from fhir.chart import Chart, chart_of
from fhir.study import Study
from policies.evidence import mint
from tools.images import look_up
from tools.med_vlm.doubles.fake import abstention
from tools.med_vlm.reading import FindingReading, Presence, Reading, Sentence

REPORT = "DiagnosticReport/r"
STUDY = Study("ImagingStudy/s", None, None, ("DX",), None, None, None, None, (), (REPORT,), ())


def chart(text: str) -> Chart:
    report: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "presentedForm": [{"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}],
    }
    return chart_of({"resourceType": "Patient", "id": "p"}, [report])


def reading(presence: Presence, *sentences: str) -> Reading:
    finding = FindingReading(key="pneumothorax", presence=presence, probability=0.6)
    told = tuple(Sentence(text=text, findings=("pneumothorax",)) for text in sentences)
    return Reading(model="m 1", fingerprint="0" * 64, abstained=False, reason="", findings=(finding,), narrative=told)


def row(discordant: bool) -> Voice:
    silent = Say()
    return Voice(finding="pneumothorax", chart=silent, report=silent, reading=silent, neighbours=silent, discordant=discordant)


@pytest.mark.parametrize(
    ("read", "report", "told"),
    [
        (
            reading("uncertain", "There is a right pneumothorax."),
            "No pneumothorax.",
            ("No pneumothorax.", "There is a right pneumothorax."),
        ),
        (reading("present"), "No pneumothorax.", ("No pneumothorax.", "pneumothorax: present")),
        (reading("uncertain"), "No pneumothorax.", None),
        (reading("uncertain", "There is a right pneumothorax."), "Right pneumothorax.", None),
        (reading("uncertain", "There is a right pneumothorax."), "The heart is normal.", None),
        (abstention("m 1", "0" * 64, "too unlike"), "No pneumothorax.", None),
    ],
    ids=["its words", "its finding", "it is not sure", "both agree", "the report is silent", "it abstained"],
)
def test_both_sides_are_told_as_they_stand(read: Reading, report: str, told: tuple[str, str] | None) -> None:
    found = disagreements(chart(report), STUDY, read, (), ())
    assert [(one.report, one.model) for one in found] == ([told] if told else [])


def test_what_the_voices_show_already_is_not_told_twice() -> None:
    held, read = chart("No pneumothorax."), reading("present")
    assert disagreements(held, STUDY, read, (), (row(True),)) == ()
    assert len(disagreements(held, STUDY, read, (), (row(False),))) == 1


def test_it_leads_to_the_finding_of_the_image() -> None:
    read = reading("present")
    evidence = mint(look_up(read, "f" * 64, "Patient/p"))
    (one,) = disagreements(chart("No pneumothorax."), STUDY, read, evidence, ())
    assert one.evidence == ("E1",)


def test_without_a_study_or_a_reading_nothing_differs() -> None:
    assert disagreements(chart("No pneumothorax."), None, reading("present"), (), ()) == ()
    assert disagreements(chart("No pneumothorax."), STUDY, None, (), ()) == ()
