"""gather: bounded, in order, and honest about what did not fit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agent.nodes.gather import LOOKS, Pack, gather
from agent.nodes.read import Read
from agent.nodes.retrieve import Retrieved
from agent.nodes.study import Facts
from fhir.chart import chart_of
from fhir.codes import SNOMED
from fhir.study import IdentityCheck
from policies.case import PolicyCase
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


def packed(number: int, topics: tuple[Topic, ...] = (), facts: Facts | None = None) -> tuple[Pack, PolicyCase]:
    chart = chart_of(PATIENT, conditions(number))
    return gather(chart, NOW, topics, study=None, facts=facts or Facts(None), read=Read(None, None), retrieved=Retrieved(None, "none"))


@pytest.mark.fault(19)
def test_what_does_not_fit_is_counted_and_said() -> None:
    most = dict((tool, most) for tool, _, most in LOOKS)["problems"]
    pack, _ = packed(most + 7)
    assert [(over.tool, over.kept, over.dropped) for over in pack.overflow] == [("problems", most, 7)]
    assert sum(item.reference.startswith("Condition/") for item in pack.evidence) == most


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
