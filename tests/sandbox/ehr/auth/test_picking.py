"""What a person may pick in a standalone launch."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.ehr.auth.clients import User
from sandbox.ehr.auth.grants import Context
from sandbox.ehr.auth.picking import Choice, name_of, patients_for, picked, visits_of
from sandbox.ehr.store import Store

DOCTOR = User("d", "Practitioner/d")


def visit(name: str, patient: str, begun: str | None = None, reason: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "resourceType": "Encounter",
        "id": name,
        "class": {"code": "AMB"},
        "subject": {"reference": f"Patient/{patient}"},
    }
    return body | ({"period": {"start": begun}} if begun else {}) | ({"reasonCode": [{"text": reason}]} if reason else {})


@pytest.fixture
def store() -> Store:
    return Store(
        [
            {"resourceType": "Patient", "id": "p2", "name": [{"family": "Birch", "given": ["Ben", "B."]}], "birthDate": "1960"},
            {"resourceType": "Patient", "id": "p1", "name": [{"family": "ames"}], "gender": "female", "identifier": [{"value": "M-1"}]},
            {"resourceType": "Patient", "id": "p0"},
            visit("old", "p1", "2024-01-02T10:00:00Z", "cough"),
            visit("new", "p1", "2024-03-02"),
            visit("bare", "p2"),
        ]
    )


def test_a_member_of_staff_picks_any_patient_and_a_patient_the_own_record(store: Store) -> None:
    assert patients_for(store, DOCTOR) == (
        Choice("p1", "ames", "female · M-1"),
        Choice("p2", "Birch, Ben B.", "1960"),
        Choice("p0", "p0", ""),
    )
    assert [each.id for each in patients_for(store, User("b", "Patient/p2"))] == ["p2"]
    assert name_of({"id": "x", "name": [{"given": ["Cher"]}]}) == "Cher"


def test_visits_stand_under_their_patient_newest_first(store: Store) -> None:
    assert visits_of(store, patients_for(store, DOCTOR)) == (
        ("ames", (("new", "2024-03-02 · AMB"), ("old", "2024-01-02 · cough"))),
        ("Birch, Ben B.", (("bare", "AMB"),)),
    )


@pytest.mark.std("A10")
def test_what_is_picked_is_there_and_belongs_together(store: Store) -> None:
    patients = patients_for(store, DOCTOR)
    assert picked(store, patients, {"patient": "p1", "encounter": "old"}) == Context("p1", "old", need_patient_banner=True)
    assert picked(store, patients, {"patient": "p1"}) == Context("p1", need_patient_banner=True)
    assert picked(store, (), {}) == Context(need_patient_banner=True)
    assert "Pick whose" in str(picked(store, patients, {}))
    assert "Pick whose" in str(picked(store, patients_for(store, User("b", "Patient/p2")), {"patient": "p1"}))
    assert "another patient's" in str(picked(store, patients, {"patient": "p2", "encounter": "old"}))
