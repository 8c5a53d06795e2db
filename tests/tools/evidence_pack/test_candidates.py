"""What a pack is chosen from: in the order of gathering, with a fixed number of each tool needed, whatever the chart's size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from fhir.chart import Chart
from policies.conditions.index import ChartIndex
from policies.evidence import Sourced
from tools.evidence_pack.candidates import (
    ASKED,
    COMPARED,
    FOCUS,
    KNOWN,
    LOOKS,
    MEASURED,
    PASSAGES,
    REPORTED,
    RESTED,
    SENTENCES,
    WARNED,
    Found,
    candidates,
)
from tools.evidence_pack.pack import Candidate
from tools.evidence_pack.relevance import Scale, focus_of
from tools.evidence_pack.survey import survey
from tools.evidence_pack.tokens import estimated
from tools.injection import SYSTEM

NOTHING = Found((), (), frozenset(), frozenset(), (), (), (), ())
ACTIVE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}


def offered(chart: Chart, as_of: datetime, found: Found = NOTHING, question: str | None = None) -> list[Candidate]:
    scale = Scale(focus_of(chart, as_of, None, question))
    return list(candidates(chart, found, survey(chart, scale, estimated), scale, ChartIndex(chart)))


def sentence(report: str, text: str, when: str, **more: Any) -> Sourced:
    return Sourced(
        kind="report_sentence", reference=f"DiagnosticReport/{report}", text=text, sha256="0" * 64, patient="Patient/p", when=when, **more
    )


def needed(found: list[Candidate], tool: str) -> list[str]:
    chosen = sorted((each for each in found if each.tool == tool and each.need is not None), key=lambda each: each.need or (0, 0))
    return [each.source.reference for each in chosen]


def test_every_fact_of_the_survey_is_offered_and_held_ones_at_their_tools_place(chart: Chart, as_of: datetime) -> None:
    found = offered(chart, as_of)
    assert {each.source.reference for each in found} == {fact.reference for fact in chart.facts} - {
        "Procedure/undone",
        "Observation/future",
        "Claim/bill",
    }
    first = {each.source.reference: each.tool for each in reversed(found)}
    assert first["Condition/ckd"] == "problems"
    assert first["ServiceRequest/order"] == "orders"
    assert first["Observation/creatinine-26"] == "labs"
    assert first["MedicationRequest/for-stone"] == "past medications"
    assert [each.place for each in found] == sorted(each.place for each in found)


def test_problems_are_needed_in_order_of_relevance_and_gathered_newest_first(chart: Chart, as_of: datetime) -> None:
    found = offered(chart, as_of)
    assert needed(found, "problems") == ["Condition/ckd", "Condition/stone", "Condition/sinus"]
    place = {each.source.reference: each.place for each in found if each.tool == "problems"}
    assert place["Condition/stone"] < place["Condition/ckd"] < place["Condition/sinus"]


@pytest.mark.parametrize(
    ("tool", "resource"),
    [
        ("problems", {"resourceType": "Condition", "clinicalStatus": ACTIVE, "code": {"text": "Complaint"}}),
        ("medications", {"resourceType": "MedicationRequest", "status": "active", "medicationCodeableConcept": {"text": "Drug"}}),
        ("allergies", {"resourceType": "AllergyIntolerance", "code": {"text": "Nuts"}}),
        ("orders", {"resourceType": "ServiceRequest", "status": "active", "code": {"text": "Walk"}}),
        ("devices", {"resourceType": "Device", "status": "active", "type": {"text": "Stent"}}),
        ("procedures", {"resourceType": "Procedure", "status": "completed", "code": {"text": "Bath"}}),
    ],
)
def test_of_many_a_fixed_number_is_needed_and_all_that_are_held_still_matter(
    make_chart: Callable[..., Chart], as_of: datetime, tool: str, resource: dict[str, Any]
) -> None:
    chart = make_chart(*({**resource, "id": f"n{n}"} for n in range(50)))
    found = [each for each in offered(chart, as_of) if each.tool == tool]
    most = {name: number for name, _, _, number in LOOKS}[tool]
    assert len(found) >= 50
    assert len(needed(found, tool)) == most
    assert sum(each.matters for each in found[:50]) == (50 if most else 0)


def test_sentences_are_needed_by_whose_they_are_and_how_old(make_chart: Callable[..., Chart], as_of: datetime) -> None:
    flagged = sentence("note", "Quoted as data", "2020-01-01", codes=(f"{SYSTEM}|instruction",))
    focal, prior = sentence("focal", "No effusion.", "2026-11-23T08:00:00Z"), sentence("prior", "Effusion.", "2021-01-01")
    lately, older = sentence("lately", "Nodule.", "2026-11-10"), sentence("older", "Nodule.", "2019-01-01")
    undated = sentence("undated", "Nodule.", "")
    found = Found(
        (),
        (flagged, focal, lately, prior, older, undated),
        frozenset({"DiagnosticReport/focal"}),
        frozenset({"DiagnosticReport/prior"}),
        (),
        (),
        (),
        (),
    )
    notes = [each for each in offered(make_chart(), as_of, found) if each.tool == "notes"]
    assert [each.need and each.need[0] for each in notes] == [REPORTED, FOCUS, REPORTED, REPORTED, None, None]
    assert all(each.matters for each in notes)


def test_no_more_sentences_of_a_kind_are_needed_than_the_table_says(make_chart: Callable[..., Chart], as_of: datetime) -> None:
    many = tuple(sentence("lately", f"Nodule {n}.", "2026-11-10") for n in range(60))
    notes = offered(make_chart(), as_of, replace(NOTHING, sentences=many))
    assert Counter(each.need is not None for each in notes) == {True: SENTENCES["lately"][1], False: 60 - SENTENCES["lately"][1]}


def test_what_the_run_rests_on_comes_before_what_is_known_and_similar_cases_come_last(chart: Chart, as_of: datetime) -> None:
    study = sentence("x", "study", "2026-11-20").model_copy(update={"kind": "chart_fact", "reference": "ImagingStudy/s"})
    passage = study.model_copy(update={"kind": "guidance", "reference": "guidance:t#1"})
    case = study.model_copy(update={"kind": "similar_case", "reference": "case:1"})
    rested = (next(fact for fact in chart.facts if fact.id == "sinus"),)
    found = offered(chart, as_of, replace(NOTHING, imaging=(study,), passages=(passage,), similar=(case,), rested=rested))
    tiers = {each.tool: each.need[0] for each in found if each.need is not None}
    assert tiers == {
        "imaging": FOCUS,
        "guidance facts": RESTED,
        "guidance": PASSAGES,
        "labs": MEASURED,
        "orders": WARNED,
        "problems": KNOWN,
        "similar cases": COMPARED,
    }
    assert FOCUS < RESTED < PASSAGES < REPORTED < ASKED < MEASURED < WARNED < KNOWN < COMPARED


def test_what_the_question_names_is_needed_turning_points_first_and_no_more_of_it_than_answers_it(
    make_chart: Callable[..., Chart], lab: Callable[..., dict[str, Any]], as_of: datetime
) -> None:
    chart = make_chart(*(lab("2823-3", value, "mmol/L", f"20{n:02}-01-01", id=f"k{n}") for n, value in enumerate([4, 4, 9, *[4] * 22])))
    found = {each.source.reference: each for each in offered(chart, as_of, question="Potassium?") if each.need and each.need[0] == ASKED}
    assert len(found) == 15
    assert {"Observation/k24", "Observation/k0", "Observation/k2"} <= set(found)
    assert [each for each in offered(chart, as_of) if each.need and each.need[0] == ASKED] == []
