"""The newest coded answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.conditions import Answer, parse_condition
from policies.errors import ConditionInvalid

Ask = Callable[..., Answer]
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
SETTINGS = {"value_set": "pregnancy_status", "is": "pregnant_answer", "is_not": "not_pregnant_answer", "within_days": 30}
PREGNANT = {"coded_observation": SETTINGS}


def said(text: str, date: str | None = "2026-11-20", status: str = "final", **fields: Any) -> dict[str, Any]:
    body = {"resourceType": "Observation", "status": status, "code": {"text": "Pregnancy status"}, "valueCodeableConcept": {"text": text}}
    return {**body, **({"effectiveDateTime": date} if date else {}), **fields}


@pytest.mark.parametrize(
    ("resources", "value"),
    [
        ([], False),
        ([said("Pregnant")], True),
        ([said("Not pregnant")], False),
        ([said("Unknown")], None),
        ([said("", valueCodeableConcept={"coding": [{"system": "http://loinc.org", "code": "LA15173-0"}]})], True),
        ([said("", valueCodeableConcept=None, valueString="not pregnant")], False),
        ([said("Pregnant", "2026-11-10"), said("Not pregnant", "2026-11-20")], False),
        ([said("Pregnant", "2026-11-20"), said("Not pregnant", "2026-11-20")], None),
        ([said("Pregnant", "2026-11-20"), said("Pregnant", "2026-11-20")], True),
        ([said("Pregnant", None), said("Not pregnant")], None),
        ([said("Pregnant", "2026-08-20")], False),
        ([said("Pregnant", "2026-12-20")], False),
        ([said("Pregnant", "2026-10")], None),
        ([said("Pregnant", status="preliminary")], None),
        ([said("Pregnant", status="corrected")], True),
        ([said("Not pregnant", dataAbsentReason={"text": "not asked"})], None),
        ([said("Not pregnant", valueCodeableConcept={"text": "Not pregnant", "extension": [{"url": ABSENT}]})], None),
        ([said("Pregnant", status="cancelled")], False),
        ([said("Pregnant", "2026-11-10"), said("Not pregnant", status="cancelled")], True),
    ],
)
def test_the_newest_final_answer_in_the_window_decides(ask: Ask, resources: list[Any], value: bool | None) -> None:
    assert ask(PREGNANT, *resources).value is value


@pytest.mark.fault(7)
@pytest.mark.parametrize("resources", [[], [said("Pregnant")], [said("Not pregnant")]], ids=["none", "yes", "no"])
def test_a_truncated_pull_may_have_lost_the_newest_answer(ask: Ask, resources: list[Any]) -> None:
    answer = ask(PREGNANT, *resources, pulled={"Observation": "truncated"})
    assert answer.value is None
    assert answer.basis[-1].detail == "Observation: truncated"


def test_the_basis_says_which_answer_was_read_and_when(ask: Ask) -> None:
    (yes,), (odd,) = ask(PREGNANT, said("Pregnant")).basis, ask(PREGNANT, said("Maybe", None)).basis
    assert yes.detail == "pregnancy status: pregnant answer on 2026-11-20"
    assert odd.detail == "pregnancy status: an answer that does not tell"


@pytest.mark.parametrize("lost", ["is", "is_not", "value_set"])
def test_refuses_a_question_without_both_answers(lost: str) -> None:
    with pytest.raises(ConditionInvalid, match=f"{lost}: Field required"):
        parse_condition({"coded_observation": {name: value for name, value in SETTINGS.items() if name != lost}})
