"""An implant or a past procedure, whichever resource carries it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.conditions import Answer

Ask = Callable[..., Answer]
IMPLANT = {"device_or_procedure": {"value_set": "mri_implant"}}
DIALYSIS = {"device_or_procedure": {"value_set": "dialysis", "resource_types": ["Procedure"], "within_days": 30}}
DEVICE = {"resourceType": "Device", "status": "active", "type": {"text": "Cardiac pacemaker"}}
PROBLEM = {"resourceType": "Condition", "code": {"text": "Pacemaker in situ"}, "clinicalStatus": {"coding": [{"code": "active"}]}}
INSERTION = {"resourceType": "Procedure", "status": "completed", "code": {"text": "Insertion of pacemaker"}}


@pytest.mark.parametrize(
    ("resource", "value"),
    [
        (DEVICE, True),
        ({**DEVICE, "status": None}, True),
        ({**DEVICE, "status": "inactive"}, False),
        ({**DEVICE, "status": "unknown"}, None),
        ({**DEVICE, "type": None, "deviceName": [{"name": "Cochlear implant", "type": "other"}]}, True),
        ({**DEVICE, "type": {"text": "Walking stick"}}, False),
        (PROBLEM, True),
        ({**PROBLEM, "clinicalStatus": {"coding": [{"code": "resolved"}]}}, False),
        ({**PROBLEM, "clinicalStatus": None}, None),
        (INSERTION, True),
        ({**INSERTION, "status": "not-done"}, False),
        ({**INSERTION, "status": "preparation"}, False),
        ({**INSERTION, "status": None}, None),
        ({**INSERTION, "performedDateTime": "2026-12-24"}, False),
        ({**INSERTION, "performedDateTime": "1999"}, True),
    ],
)
def test_each_carrier_is_read_by_its_own_status(ask: Ask, resource: dict[str, Any], value: bool | None) -> None:
    assert ask(IMPLANT, resource).value is value


@pytest.mark.parametrize(("performed", "value"), [("2026-11-20", True), ("2026-09-01", False), ("2026-10", None), (None, None)])
def test_a_session_of_treatment_passes_and_an_implant_stays(ask: Ask, performed: str | None, value: bool | None) -> None:
    when = {"performedDateTime": performed} if performed else {}
    assert ask(DIALYSIS, {**INSERTION, "code": {"text": "Hemodialysis"}, **when}).value is value
    old = {"device_or_procedure": {"value_set": "mri_implant", "within_days": 30}}
    assert ask(old, {**DEVICE, "manufactureDate": "1999"}).value is True


@pytest.mark.fault(7)
@pytest.mark.parametrize("lost", ["Device", "Procedure", "Condition"])
def test_none_found_is_a_no_only_when_every_carrier_was_pulled(ask: Ask, lost: str) -> None:
    assert ask(IMPLANT).value is False
    assert ask(IMPLANT, pulled={lost: "refused"}).value is None
    assert ask(IMPLANT, DEVICE, pulled={lost: "refused"}).value is True


def test_looks_only_where_it_was_told_to(ask: Ask) -> None:
    assert ask(DIALYSIS, pulled={"Device": "refused", "Condition": "failed"}).value is False


def test_the_basis_names_the_carrier(ask: Ask) -> None:
    assert [basis.detail for basis in ask(IMPLANT, DEVICE, PROBLEM).basis] == ["mri implant (Device)", "mri implant (Condition)"]
