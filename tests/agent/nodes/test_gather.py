"""gather: bounded, in order, and honest about what did not fit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.nodes.gather import Pack, gather
from agent.nodes.read import Read
from agent.nodes.retrieve import Retrieved
from agent.nodes.study import Facts
from fhir.chart import chart_of
from fhir.codes import SNOMED
from fhir.study import IdentityCheck
from policies.case import PolicyCase
from policies.engine import decide, load_rules
from policies.guidance_pack import Topic

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PATIENT = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1950-01-01"}


def conditions(number: int) -> list[dict[str, object]]:
    return [
        {
            "resourceType": "Condition",
            "id": f"c{n}",
            "subject": {"reference": "Patient/p"},
            "clinicalStatus": {"coding": [{"code": "active"}]},
            "code": {"coding": [{"system": SNOMED, "code": str(1000 + n)}], "text": f"problem {n}"},
            "recordedDate": (NOW - timedelta(days=n + 1)).date().isoformat(),
        }
        for n in range(number)
    ]


def packed(number: int, topics: tuple[Topic, ...] = (), facts: Facts | None = None, **more: Any) -> tuple[Pack, PolicyCase]:
    chart = chart_of(PATIENT, conditions(number))
    read, retrieved = Read(None, None), Retrieved(None, "none")
    return gather(chart, NOW, topics, study=None, facts=facts or Facts(None), read=read, retrieved=retrieved, **more)


@pytest.mark.fault(19)
def test_what_does_not_fit_is_counted_and_said_with_the_date_of_its_newest() -> None:
    pack, _ = packed(60, budget=1_000)
    (over,) = pack.overflow
    assert (over.tool, over.kept + over.dropped) == ("problems", 60)
    assert sum(item.reference.startswith("Condition/") for item in pack.evidence) == over.kept > 20
    assert over.newest == (NOW - timedelta(days=over.kept + 1)).date().isoformat()


@pytest.mark.fault(19)
@pytest.mark.parametrize(("budget", "needed"), [(1_000, False), (300, True), (0, True)])
def test_that_something_needed_did_not_fit_is_said_and_is_no_error(budget: int, needed: bool) -> None:
    pack, _ = packed(60, budget=budget)
    assert {over.needed for over in pack.overflow if over.tool == "problems"} == {needed}
    assert pack.summary.tokens <= pack.summary.budget == budget


def test_it_is_kept_why_each_item_is_in() -> None:
    pack, _ = packed(3)
    assert len(pack.why) == len(pack.evidence)
    assert pack.why[0] == "needed; recent 2.0, among the problems 1.5, active 0.5"


def test_nothing_is_said_of_an_overflow_that_did_not_happen() -> None:
    assert packed(3)[0].overflow == ()


def test_the_newest_come_first_and_are_numbered_in_order() -> None:
    evidence = packed(3)[0].evidence
    assert [item.id for item in evidence] == [f"E{n}" for n in range(1, len(evidence) + 1)]
    assert [item.reference for item in evidence if item.reference.startswith("Condition/")] == [
        "Condition/c0",
        "Condition/c1",
        "Condition/c2",
    ]


def test_all_evidence_of_the_chart_is_the_bound_patients() -> None:
    pack, case = packed(3)
    assert {item.patient for item in pack.evidence} == {"Patient/p"}
    assert case.evidence == pack.evidence
    assert case.claims == ()


def test_guidance_that_does_not_apply_is_not_in_the_pack(topics: tuple[Topic, ...]) -> None:
    assert not any(item.reference.startswith("guidance:contrast") for item in packed(2, topics)[0].evidence)


def test_images_without_a_study_are_still_a_study_for_the_policies() -> None:
    mismatch = IdentityCheck("mismatch", (("PatientID", "mismatch"),))
    assert packed(0)[1].study is None
    found = packed(0, facts=Facts(None, identity=mismatch))[1].study
    assert found is not None
    assert found.identity == mismatch


def test_what_the_question_names_is_in_though_it_is_old_and_nothing_else_ties_it() -> None:
    shots = [
        {
            "resourceType": "Immunization",
            "id": f"i{n}",
            "status": "completed",
            "vaccineCode": {"text": name},
            "patient": {"reference": "Patient/p"},
            "occurrenceDateTime": "2009-05-01",
        }
        for n, name in enumerate(("Tetanus toxoid", "Influenza, seasonal"))
    ]
    chart, nothing = chart_of(PATIENT, shots), Retrieved(None, "none")
    found = {
        question: gather(chart, NOW, (), study=None, facts=Facts(None), read=Read(None, None), retrieved=nothing, question=question)[0]
        for question in (None, "When was her last tetanus shot?")
    }
    references = {question: {item.reference for item in pack.evidence} for question, pack in found.items()}
    assert references[None].isdisjoint({"Immunization/i0", "Immunization/i1"})
    assert references["When was her last tetanus shot?"] >= {"Immunization/i0"}
    assert found[None].summary.set_aside == 2


def test_a_rule_about_reports_sees_a_sentence_that_did_not_fit_into_the_pack() -> None:
    reports = [
        {
            "resourceType": "DiagnosticReport",
            "id": f"r{n}",
            "status": "final",
            "code": {"text": "Chest radiograph"},
            "subject": {"reference": "Patient/p"},
            "effectiveDateTime": (NOW - timedelta(hours=n)).isoformat(),
            "conclusion": "Left tension pneumothorax." if n == 39 else "No pleural effusion.",
        }
        for n in range(1, 40)
    ]
    chart, nothing = chart_of(PATIENT, reports), Retrieved(None, "none")
    pack, case = gather(chart, NOW, (), study=None, facts=Facts(None), read=Read(None, None), retrieved=nothing, budget=1_000)
    assert case.evidence[: len(pack.evidence)] == pack.evidence
    assert "tension_pneumothorax" not in {item.finding for item in pack.evidence}
    fired = {outcome.id for outcome in decide(case, load_rules()) if outcome.outcome == "fired"}
    assert "E01" in fired
