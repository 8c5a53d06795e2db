"""The CapabilityStatement says what is so."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from sandbox.ehr.capability import capability_statement
from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running


@pytest.fixture(scope="module")
def statement(http: httpx.Client) -> dict[str, Any]:
    body: dict[str, Any] = http.get("metadata").json()
    return body


def test_it_is_a_valid_statement_of_r4(statement: dict[str, Any], ehr: Running) -> None:
    CapabilityStatement.model_validate(statement)
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["implementation"]["url"] == ehr.base


@pytest.mark.std("E2")
def test_every_type_and_parameter_it_lists_is_answered_under_strict_handling(statement: dict[str, Any], http: httpx.Client) -> None:
    values = {"date": "2024", "token": "x", "reference": "Patient/p1", "string": "x"}
    for resource in statement["rest"][0]["resource"]:
        query = {each["name"]: values[each["type"]] for each in resource["searchParam"]}
        answer = http.get(resource["type"], params=query, headers={"Prefer": "handling=strict"})
        assert answer.status_code == 200, resource["type"]


def test_every_include_it_lists_is_answered_under_strict_handling(statement: dict[str, Any], http: httpx.Client) -> None:
    for resource in statement["rest"][0]["resource"]:
        query = [("_include", each) for each in resource.get("searchInclude", ())]
        query += [("_revinclude", each) for each in resource["searchRevInclude"]]
        assert http.get(resource["type"], params=query, headers={"Prefer": "handling=strict"}).status_code == 200


def test_smart_is_named_where_tokens_are_needed_and_only_there() -> None:
    open_, secured = (capability_statement(Config(requires_token=need), "http://e/fhir", "http://e/auth") for need in (False, True))
    assert "security" not in open_["rest"][0]
    security = secured["rest"][0]["security"]
    CapabilityStatement.model_validate(secured)
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    assert [each["valueUri"] for each in security["extension"][0]["extension"]][:2] == ["http://e/auth/authorize", "http://e/auth/token"]


def test_operations_are_listed_where_they_are_offered(statement: dict[str, Any]) -> None:
    rest = statement["rest"][0]
    offered = {each["type"]: [one["name"] for one in each["operation"]] for each in rest["resource"] if "operation" in each}
    assert offered == {"Group": ["export"], "Patient": ["everything", "export"]}
    assert [each["name"] for each in rest["operation"]] == ["export"]
