"""The pages: what is written into them, whatever a record holds."""

from __future__ import annotations

import re

import pytest

from sandbox.chart.misbehaviour import Plan
from sandbox.chart.pages import Frame, Pages
from sandbox.chart.patients import patient_list
from sandbox.chart.record import record_of
from sandbox.chart.sessions import SignedIn
from sandbox.chart.staff import CLINICIANS
from sandbox.ehr.auth.clients import User
from sandbox.ehr.store import Store
from sandbox.patients.story import CLOCK

FRAME = Frame(SignedIn(CLINICIANS[0], "csrf"), Plan(), CLOCK)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><svg onload=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    "javascript:alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u202egnp.exe\u202c",
)


def hostile_store(text: str) -> Store:
    """A patient whose every element is `text`, where an element is text."""
    concept = {"text": text, "coding": [{"system": "urn:x", "code": "x", "display": text}]}
    subject = {"reference": "Patient/p"}
    return Store(
        [
            {
                "resourceType": "Patient",
                "id": "p",
                "name": [{"family": text, "given": [text]}],
                "gender": text,
                "birthDate": text,
                "identifier": [{"value": text}],
            },
            {"resourceType": "Condition", "id": "c", "subject": subject, "code": concept, "onsetDateTime": text},
            {
                "resourceType": "MedicationRequest",
                "id": "m",
                "subject": subject,
                "medicationCodeableConcept": concept,
                "dosageInstruction": [{"text": text}],
                "status": text,
            },
            {
                "resourceType": "AllergyIntolerance",
                "id": "a",
                "patient": subject,
                "code": concept,
                "reaction": [{"manifestation": [concept], "severity": text}],
            },
            {
                "resourceType": "Observation",
                "id": "o",
                "subject": subject,
                "status": text,
                "category": [{"coding": [{"code": "laboratory"}]}],
                "code": concept,
                "valueQuantity": {"value": 1, "unit": text},
            },
            {"resourceType": "ServiceRequest", "id": "s", "subject": subject, "code": concept, "reasonCode": [concept]},
            {"resourceType": "Encounter", "id": "e", "subject": subject, "class": {"code": text}, "reasonCode": [concept]},
            {"resourceType": "ImagingStudy", "id": "i", "subject": subject, "description": text, "modality": [{"code": text}]},
            {
                "resourceType": "DiagnosticReport",
                "id": "d",
                "subject": subject,
                "code": concept,
                "conclusion": text,
                "imagingStudy": [{"reference": "ImagingStudy/i"}],
            },
            {
                "resourceType": "DocumentReference",
                "id": "n",
                "subject": subject,
                "docStatus": text,
                "content": [{"attachment": {"title": text, "contentType": "text/plain"}}],
            },
            {"resourceType": "DetectedIssue", "id": "w", "patient": subject, "detail": text},
        ]
    )


def rendered(store: Store) -> str:
    chart = record_of(store, "p")
    assert chart is not None
    rows = patient_list(store, {"p": "story"}, CLOCK)
    pages = Pages("Sidenote")
    return pages.chart(FRAME, chart, rows) + pages.patients(FRAME, rows)


def tags(page: str) -> list[str]:
    return re.findall(r"<[a-zA-Z!/][^>]*>", page)


@pytest.mark.fault(49)
@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_a_record_holds_is_text_on_the_page(text: str) -> None:
    page, harmless = rendered(hostile_store(text)), rendered(hostile_store("harmless"))
    assert len(tags(page)) == len(tags(harmless))
    found = [re.sub(r'"[^"]*"', '""', tag) for tag in tags(page)]
    assert found == [re.sub(r'"[^"]*"', '""', tag) for tag in tags(harmless)]
    assert not re.search(r'(?:href|src|action)="(?!/)(?!#)', page)


def test_every_table_has_headers_and_every_section_a_heading(ward: object) -> None:
    page = rendered(hostile_store("x"))
    assert page.count("<table") == page.count("<thead")
    for section in re.findall(r'<section class="card[^"]*" aria-labelledby="([^"]+)"', page):
        assert f'<h2 id="{section}">' in page
    assert page.count("<main") == page.count("<h1") == 2
    assert "Pretend hospital: nobody here is real" in page


def test_a_misbehaving_server_is_named_on_every_page() -> None:
    plan = Plan(down=True)
    page = Pages("Sidenote").patients(Frame(FRAME.signed_in, plan, CLOCK), ())
    assert plan.sentences[0] in page
    assert "data-trouble hidden" not in page
    assert "data-trouble hidden" in Pages("Sidenote").patients(FRAME, ())


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_the_page_comes_in_the_chosen_theme(theme: str) -> None:
    page = Pages("Sidenote").patients(Frame(SignedIn(CLINICIANS[0], "csrf", theme), Plan(), CLOCK), ())  # type: ignore[arg-type]
    assert f'<html lang="en" data-theme="{theme}">' in page


@pytest.mark.fault(49)
def test_the_entrance_offers_everybody_the_first_chosen_and_escapes_names() -> None:
    page = Pages("<App>").entrance((CLINICIANS[0], User("x", "Practitioner/x", "<b>Dr</b>")))
    assert re.findall(r'value="([^"]+)"( checked)?', page) == [("dr-osei", " checked"), ("x", "")]
    assert "<b>" not in page
    assert "<App>" not in page
    assert "&lt;script&gt;" in Pages("App").refused("<script>", "")
