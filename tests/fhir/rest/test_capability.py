"""What a server says of itself is read tolerantly, but for its release."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.errors import BadJson, NotFhir, WrongRelease
from fhir.rest.capability import Capability, read_capability

Body = dict[str, Any]


def statement(*resources: Body, **rest: Any) -> bytes:
    body = {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "4.0.1",
        "rest": [{"mode": "server", "resource": list(resources), **rest}],
    }
    return json.dumps(body).encode()


OBSERVATION: Body = {
    "type": "Observation",
    "interaction": [{"code": "read"}, {"code": "search-type"}],
    "searchParam": [{"name": "patient"}, {"name": "date"}],
    "versioning": "versioned",
    "conditionalCreate": True,
}


def test_reads_what_is_offered_for_a_type() -> None:
    found = read_capability(statement(OBSERVATION, {"type": "ImagingStudy", "searchInclude": ["ImagingStudy:endpoint"]}))
    assert found.offers("Observation")
    assert found.searches("Observation", "date")
    assert not found.searches("Observation", "code")
    assert not found.offers("Media")
    assert found.includes("ImagingStudy", "ImagingStudy:endpoint")
    assert not found.includes("Observation", "Observation:subject")
    assert (found.types["Observation"].versioning, found.types["Observation"].conditional_create) == ("versioned", True)


@pytest.mark.parametrize(
    ("resource", "rest", "offered"),
    [
        ({"type": "Patient", "operation": [{"name": "everything"}]}, {}, True),
        ({"type": "Patient", "operation": [{"name": "$everything"}]}, {}, True),
        ({"type": "Patient"}, {"operation": [{"name": "everything"}]}, True),
        ({"type": "Patient", "operation": [{"name": "match"}]}, {}, False),
        ({"type": "Encounter", "operation": [{"name": "everything"}]}, {}, False),
    ],
)
def test_everything_is_offered_for_patients_or_not(resource: Body, rest: Body, offered: bool) -> None:
    assert read_capability(statement(resource, **rest)).everything is offered


def test_a_type_that_can_be_read_and_not_searched_is_not_offered() -> None:
    assert not read_capability(statement({"type": "Media", "interaction": [{"code": "read"}]})).offers("Media")


def test_a_server_that_lists_no_types_is_asked_for_all() -> None:
    assert read_capability(statement()).offers("Media")


def test_security_services_and_software_are_read() -> None:
    text = statement(security={"service": [{"coding": [{"system": "s", "code": "SMART-on-FHIR"}]}]}, operation=[{"name": "export"}])
    found = read_capability(text)
    assert found.security == {"SMART-on-FHIR"}
    assert found.operations == {"export"}
    assert found.software is None


@pytest.mark.fault(18)
@pytest.mark.parametrize("release", ["5.0.0", "4.3.0", "3.0.2", "1.0.2", "", None])
def test_another_release_than_r4_is_refused(release: str | None) -> None:
    with pytest.raises(WrongRelease):
        read_capability(json.dumps({"resourceType": "CapabilityStatement", "fhirVersion": release}).encode())


def test_another_resource_is_no_capability_statement() -> None:
    with pytest.raises(NotFhir):
        read_capability(b'{"resourceType":"OperationOutcome"}')


NAMES = ["mode", "resource", "type", "interaction", "code", "searchParam", "name", "security", "service", "coding", "operation"]
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
SHAPES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4))


@given(SHAPES)
def test_odd_shapes_are_read_as_nothing_said(shape: Any) -> None:
    text = json.dumps({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": shape, "software": shape}).encode()
    assert isinstance(read_capability(text), Capability)


def test_what_is_no_json_object_is_bad_json() -> None:
    with pytest.raises(BadJson):
        read_capability(b"[]")


@pytest.mark.parametrize(
    ("name", "read"),
    [("HAPI FHIR Server", "HAPI FHIR Server"), ("\x1b[31mevil\n\u202e", "[31mevil"), ("a" * 999, "a" * 80), ("\x07", None), (5, None)],
)
def test_the_servers_name_is_short_and_printable(name: Any, read: str | None) -> None:
    body = json.loads(statement())
    assert read_capability(json.dumps({**body, "software": {"name": name}}).encode()).software == read
