"""What is asked for one type of one patient."""

from __future__ import annotations

import pytest

from fhir.rest.capability import Ability, Capability
from fhir.rest.plan import DATED, INCLUDED, Plan, queries
from fhir.types import PULLED_TYPES

SILENT = Capability("4.0.1")


def asked(resource_type: str, plan: Plan, *, searches: tuple[str, ...] = (), includes: tuple[str, ...] = ()) -> dict[str, str]:
    ability = Ability(searches=frozenset(searches), includes=frozenset(includes))
    (query,) = queries(resource_type, "p1", plan, Capability("4.0.1", types={resource_type: ability}), frozenset())
    return dict(query.parameters)


def test_every_dated_and_included_type_is_one_that_is_pulled() -> None:
    assert set(DATED) | set(INCLUDED) <= set(PULLED_TYPES)


@pytest.mark.std("E2")
def test_the_newest_come_first_where_the_server_declares_the_date() -> None:
    assert asked("ImagingStudy", Plan(), searches=("started",))["_sort"] == "-started"
    assert "_sort" not in asked("ImagingStudy", Plan())


@pytest.mark.std("E2")
def test_a_window_is_a_date_prefix_for_its_type_alone() -> None:
    plan = Plan(since={"Observation": "2020-01-01"})
    assert asked("Observation", plan)["date"] == "ge2020-01-01"
    assert "date" not in asked("Encounter", plan)


def test_endpoints_and_medications_come_along_where_the_server_declares_that() -> None:
    assert asked("ImagingStudy", Plan(), includes=("ImagingStudy:endpoint",))["_include"] == "ImagingStudy:endpoint"
    assert asked("MedicationRequest", Plan(), includes=("*",))["_include"] == "MedicationRequest:medication"
    assert "_include" not in asked("MedicationRequest", Plan())


def test_a_type_without_a_date_has_no_order_and_no_window() -> None:
    (query,) = queries("Device", "p1", Plan(since={"Device": "2020"}), SILENT, frozenset())
    assert query.parameters == (("patient", "p1"), ("_count", "500"))
