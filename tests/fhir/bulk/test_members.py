"""Who must come with an export."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from fhir.bulk.members import members_of
from fhir.bulk.request import ExportRequest
from fhir.errors import Unreachable

Members = Callable[..., tuple[str, ...] | None]


@pytest.fixture
def members(server: Any, wired: Callable[..., Any]) -> Members:
    def ask(request: ExportRequest) -> tuple[str, ...] | None:
        async def go() -> tuple[str, ...] | None:
            wire = wired()
            try:
                return await members_of(wire, server.base, request)
            finally:
                await wire.aclose()

        return asyncio.run(go())

    return ask


def entity(reference: object, **more: Any) -> dict[str, Any]:
    return {"entity": {"reference": reference}, **more}


@pytest.mark.std("C6")
def test_the_active_patients_of_a_group_must_come(server: Any, members: Members) -> None:
    named = [
        entity("Patient/b"),
        entity("https://ehr.example/fhir/Patient/a/_history/2"),
        entity("Patient/b"),
        entity("Patient/gone", inactive=True),
        entity("Device/d"),
    ]
    server.resources["Group/g1"] = {"resourceType": "Group", "id": "g1", "member": named}
    assert members(ExportRequest("group", "g1")) == ("a", "b")


@pytest.mark.std("C6")
def test_patients_named_one_by_one_must_come(server: Any, members: Members) -> None:
    assert members(ExportRequest("group", "g1", patients=("b", "a", "b"))) == ("a", "b")
    assert server.asked == []


@pytest.mark.std("C6")
@pytest.mark.parametrize(
    "group",
    [
        None,
        {"resourceType": "Group", "id": "g1", "actual": False},
        {"resourceType": "Group", "id": "g1", "member": [entity("Patient/a"), {"entity": {"display": "somebody"}}]},
        {"resourceType": "Patient", "id": "g1", "member": [entity("Patient/a")]},
    ],
    ids=["not readable", "by definition", "one without a reference", "no group"],
)
def test_of_a_group_that_does_not_name_all_its_members_nobody_knows_who_must_come(
    server: Any, members: Members, group: dict[str, Any] | None
) -> None:
    if group is not None:
        server.resources["Group/g1"] = group
    assert members(ExportRequest("group", "g1")) is None


@pytest.mark.std("C6")
def test_of_all_patients_nobody_knows_who_must_come(server: Any, members: Members) -> None:
    assert members(ExportRequest("patients")) is None
    assert server.asked == []


def test_a_server_that_does_not_answer_is_no_group_without_members(server: Any, members: Members, reply: Any) -> None:
    server.scripted("GET", "/fhir/Group/g1", *(reply(500) for _ in range(3)))
    with pytest.raises(Unreachable):
        members(ExportRequest("group", "g1"))
