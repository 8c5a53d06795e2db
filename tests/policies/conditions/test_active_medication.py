"""Whether a medication is being taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.conditions import Answer

Ask = Callable[..., Answer]
METFORMIN = {"active_medication": {"value_set": "metformin"}}
ORDER = {"resourceType": "MedicationRequest", "status": "active", "medicationCodeableConcept": {"text": "Metformin 500 mg"}}
INNER = {"resourceType": "Medication", "id": "in", "code": {"text": "Glucophage"}}
REFERRED = {"resourceType": "MedicationRequest", "status": "active"}


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({}, True),
        ({"status": "stopped"}, False),
        ({"status": "completed"}, False),
        ({"status": "on-hold"}, None),
        ({"status": "unknown"}, None),
        ({"status": None}, None),
        ({"status": "draft"}, False),
        ({"intent": "proposal"}, False),
        ({"doNotPerform": True}, False),
        ({"authoredOn": "2027-01-01"}, False),
        ({"medicationCodeableConcept": {"text": "Lisinopril"}}, False),
        ({"resourceType": "MedicationStatement"}, True),
        ({"resourceType": "MedicationStatement", "status": "intended"}, None),
    ],
)
def test_the_status_of_the_order_decides(ask: Ask, change: dict[str, Any], value: bool | None) -> None:
    assert ask(METFORMIN, {**ORDER, **change}).value is value


@pytest.mark.parametrize(
    ("status", "value"), [("active", None), ("on-hold", None), ("stopped", False)], ids=["active", "on hold", "stopped"]
)
def test_a_medication_the_record_does_not_name_could_be_the_one(ask: Ask, status: str, value: bool | None) -> None:
    answer = ask(METFORMIN, {**REFERRED, "status": status})
    assert answer.value is value
    assert ("does not name" in answer.basis[0].detail) is (value is None)


@pytest.mark.parametrize(
    "named",
    [
        {"medicationReference": {"reference": "Medication/m"}},
        {"medicationReference": {"reference": "Medication/m/_history/3"}},
        {"medicationReference": {"display": "metformin"}},
        {"medicationReference": {"reference": "#in"}, "contained": [INNER]},
    ],
    ids=["relative", "versioned", "display alone", "contained"],
)
def test_follows_a_reference_to_the_medication(ask: Ask, named: dict[str, Any]) -> None:
    medication = {"resourceType": "Medication", "id": "m", "code": {"text": "Metformin"}}
    assert ask(METFORMIN, medication, {**REFERRED, **named}).value is True


def test_another_servers_medication_of_the_same_id_is_not_followed(ask: Ask) -> None:
    medication = {"resourceType": "Medication", "id": "m", "code": {"text": "Metformin"}}
    elsewhere = {**REFERRED, "medicationReference": {"reference": "https://elsewhere.example/fhir/Medication/m"}}
    assert ask(METFORMIN, medication, elsewhere).value is None


@pytest.mark.fault(7)
@pytest.mark.parametrize(
    ("pulled", "value"),
    [
        ({}, False),
        ({"MedicationStatement": "not asked"}, False),
        ({"MedicationStatement": "refused"}, None),
        ({"Medication": "failed"}, None),
        ({"MedicationRequest": "truncated"}, None),
    ],
)
def test_without_an_order_the_pull_decides_between_no_and_cannot_tell(ask: Ask, pulled: dict[str, str], value: bool | None) -> None:
    assert ask(METFORMIN, pulled=pulled).value is value
    assert ask(METFORMIN, ORDER, pulled=pulled).value is True


def test_a_medication_at_another_address_is_not_the_charts_own_of_that_id(ask: Ask) -> None:
    medication = {"resourceType": "Medication", "id": "m", "code": {"text": "Metformin"}}
    elsewhere = {**REFERRED, "medicationReference": {"reference": "https://elsewhere.example/fhir/Medication/m"}}
    assert ask(METFORMIN, medication, elsewhere).value is None
