"""Readable lines: for anything a record may hold, a line says only what stands in it. Lines of real shapes are in test_facts.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.lines import CODED_ELEMENTS, DATES, concept, describe
from tools.quotes import text_at

Body = dict[str, Any]
ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}

CONCEPTS: tuple[tuple[str, Any, str | None, str | None], ...] = (
    ("its text", {"text": "Heart failure", "coding": [{"display": "HF"}]}, "Heart failure", "code.text"),
    ("a display", {"coding": [{"code": "84114007", "display": "HF"}]}, "HF", "code.coding[0].display"),
    ("the display of a later coding", {"coding": [{"code": "1"}, {"display": "HF"}]}, "HF", "code.coding[1].display"),
    ("a code", {"coding": [{"code": "84114007"}]}, "84114007", "code.coding[0].code"),
    ("a Coding by itself", {"display": "ambulatory", "code": "AMB"}, "ambulatory", "code.display"),
    ("an empty text", {"text": "", "coding": [{"display": "HF"}]}, "HF", "code.coding[0].display"),
    ("nothing", {}, None, None),
    ("a list where one thing belongs", [{"text": "HF"}], None, None),
    ("a number where words belong", {"text": {"value": 1}}, None, None),
)


@pytest.mark.parametrize(("given_", "shown", "path"), [row[1:] for row in CONCEPTS], ids=[row[0] for row in CONCEPTS])
def test_a_concept_says_its_words_and_where_they_stand(given_: Any, shown: str | None, path: str | None) -> None:
    part = concept({"code": given_}, "code")
    assert (part and part.shown, part and part.quote.path) == (shown, path)


LINES: tuple[tuple[str, str, Body, str], ...] = (
    (
        "a dose without words",
        "MedicationRequest",
        {
            "status": "active",
            "medicationCodeableConcept": {"text": "metformin"},
            "dosageInstruction": [
                {
                    "doseAndRate": [{"doseQuantity": {"value": "500", "unit": "mg"}}],
                    "timing": {"repeat": {"frequency": 2, "period": "1", "periodUnit": "d"}},
                }
            ],
        },
        "metformin, dose 500 mg, 2 per 1 d, active",
    ),
    (
        "a contained medication",
        "MedicationRequest",
        {
            "medicationReference": {"reference": "#m"},
            "contained": [{"id": "x", "code": {"text": "no"}}, {"id": "m", "code": {"text": "apixaban"}}],
        },
        "apixaban",
    ),
    ("a contained medication that is not there", "MedicationRequest", {"medicationReference": {"reference": "#m"}, "contained": []}, ""),
    ("text over two lines", "Procedure", {"code": {"text": "Implantation\n  of pacemaker"}}, "Implantation of pacemaker"),
    (
        "a day out of a moment",
        "ImagingStudy",
        {"description": "Chest", "started": "2026-11-20T08:00:00Z"},
        "imaging study: Chest, 2026-11-20",
    ),
    ("two sites", "Condition", {"code": {"text": "Pain"}, "bodySite": [{"text": "hip"}, {"text": "knee"}]}, "Pain, site hip; knee"),
    (
        "a patient, to the year",
        "Patient",
        {"gender": "female", "birthDate": "1955-03-14", "name": [{"family": "Example"}]},
        "female, born 1955",
    ),
    (
        "a birth date that is declared unknown",
        "Patient",
        {"gender": "male", "birthDate": "1900-01-01", "_birthDate": ABSENT},
        "male",
    ),
    (
        "a value beside the reason why there is none",
        "Observation",
        {"code": {"text": "K"}, "valueQuantity": {"value": "5.1"}, "dataAbsentReason": {"text": "hemolysed"}, "status": "final"},
        "K not available: hemolysed, final",
    ),
    ("a quantity declared absent", "Observation", {"code": {"text": "K"}, "valueQuantity": ABSENT}, "K not available: masked"),
    (
        "a number declared absent",
        "Observation",
        {"code": {"text": "K"}, "valueQuantity": {"value": "9", "_value": ABSENT}},
        "K not available: masked",
    ),
    ("words declared absent", "Observation", {"code": {"text": "K"}, "_valueString": ABSENT}, "K not available: masked"),
    (
        "an extension of another kind",
        "Observation",
        {"code": {"text": "K"}, "valueQuantity": {"value": "9", "extension": [{"url": "urn:x", "valueCode": "masked"}]}},
        "K 9",
    ),
    ("a type nobody wrote for", "Flag", {"code": {"text": "Falls risk"}, "status": "active"}, "Falls risk, active"),
    ("nothing", "Observation", {}, ""),
    ("a value without a name", "Observation", {"valueQuantity": {"value": "24", "unit": "mL/min"}}, ""),
)


@pytest.mark.parametrize(("resource_type", "body", "text"), [row[1:] for row in LINES], ids=[row[0] for row in LINES])
def test_a_line_says_what_the_resource_says(resource_type: str, body: Body, text: str) -> None:
    line = describe(resource_type, body)
    assert line.text == text
    assert bool(line.quotes) == bool(text)


WORDS = st.text(st.characters(categories=["L", "N"]), max_size=8)
CODEABLE = st.fixed_dictionaries(
    {}, optional={"text": WORDS, "coding": st.lists(st.fixed_dictionaries({}, optional={"code": WORDS, "display": WORDS}), max_size=3)}
)
VALUES = WORDS | st.integers() | st.booleans() | st.none() | CODEABLE | st.lists(CODEABLE, max_size=3)
NAMES = sorted(
    {element.split(".")[0] for paths in (*DATES.values(), *CODED_ELEMENTS.values()) for element in paths}
    | {
        "code",
        "status",
        "clinicalStatus",
        "valueQuantity",
        "valueCodeableConcept",
        "valueString",
        "component",
        "interpretation",
        "reaction",
    }
    | {"bodySite", "dosage", "dosageInstruction", "contained", "series", "category", "deviceName", "gender", "birthDate", "criticality"}
)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)
TYPES = st.sampled_from([*DATES, "Patient", "Device", "Flag"])


@given(TYPES, BODIES)
def test_every_quote_of_a_line_stands_in_the_resource_and_every_word_in_a_quote(resource_type: str, body: Mapping[str, Any]) -> None:
    line = describe(resource_type, body)
    for quote in line.quotes:
        assert text_at(body, quote.path) == quote.text
    assert bool(line.quotes) == bool(line.text)
    for piece in line.text.replace(";", ",").split(","):
        shown = piece.strip()
        assert any(shown.endswith(" ".join(quote.text.split())) or shown == quote.text[:10] for quote in line.quotes) or not shown


def test_a_concept_is_named_by_its_text_else_by_its_shortest_display() -> None:
    long, short = "Glomerular filtration rate/1.73 sq M.predicted [Volume Rate/Area] in Serum, Plasma or Blood", "eGFR"
    body = {"code": {"coding": [{"code": "1", "display": long}, {"code": "2", "display": short}]}}
    named = concept(body, "code")
    assert named is not None
    assert (named.shown, named.quote.path) == (short, "code.coding[1].display")
    texted = concept({"code": {**body["code"], "text": "GFR"}}, "code")
    assert texted is not None
    assert texted.shown == "GFR"


def test_an_order_not_to_do_something_says_so() -> None:
    body = {"status": "active", "intent": "order", "medicationCodeableConcept": {"text": "Metformin"}, "doNotPerform": True}
    assert "do not perform: true" in describe("MedicationRequest", body).text
    assert "do not perform: true" in describe("ServiceRequest", {"code": {"text": "CT"}, "doNotPerform": True}).text
