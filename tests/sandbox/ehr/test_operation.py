"""The input of an operation, from a query string or from Parameters."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.requests import Request

from sandbox.ehr.operation import operation_input
from sandbox.ehr.outcome import Refusal


def read(method: str, query: str = "", body: Any = None) -> list[tuple[str, str]]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode()}

    headers = [(b"content-type", b"application/fhir+json")]
    scope = {"type": "http", "method": method, "query_string": query.encode(), "headers": headers, "path": "/"}
    return asyncio.run(operation_input(Request(scope, receive)))


def test_both_ways_give_the_same_pairs() -> None:
    parameters = [
        {"name": "_type", "valueString": "Patient"},
        {"name": "_since", "valueInstant": "2024-01-01T00:00:00Z"},
        {"name": "patient", "valueReference": {"reference": "Patient/p1"}},
        {"name": "n", "valueInteger": 7},
        {"name": "flag", "valueBoolean": True},
    ]
    expected = [("_type", "Patient"), ("_since", "2024-01-01T00:00:00Z"), ("patient", "Patient/p1"), ("n", "7"), ("flag", "true")]
    assert read("POST", body={"resourceType": "Parameters", "parameter": parameters}) == expected
    assert read("GET", "_type=Patient&_since=2024-01-01T00:00:00Z&patient=Patient/p1&n=7&flag=true") == expected
    assert read("POST", body={"resourceType": "Parameters"}) == []


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Patient"},
        {"resourceType": "Parameters", "parameter": [{}]},
        {"resourceType": "Parameters", "parameter": ["x"]},
        {"resourceType": "Parameters", "parameter": [{"name": "a"}]},
        {"resourceType": "Parameters", "parameter": [{"name": "a", "valuePeriod": {}}]},
        {"resourceType": "Parameters", "parameter": [{"name": "a", "resource": {}}]},
    ],
)
def test_what_is_no_plain_parameter_is_refused(body: Any) -> None:
    with pytest.raises(Refusal) as refused:
        read("POST", body=body)
    assert refused.value.status == 400
