"""Media types and bodies over HTTP."""

from __future__ import annotations

import httpx
import pytest

FHIR = {"Content-Type": "application/fhir+json"}


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/fhir+json", 200),
        ("application/json", 200),
        ("*/*", 200),
        ("application/fhir+json; fhirVersion=4.0", 200),
        ("application/fhir+xml, application/fhir+json;q=0.5", 200),
        ("application/fhir+json; fhirVersion=5.0", 406),
        ("application/fhir+xml", 406),
        ("text/html", 406),
        ("application/fhir+json;q=0", 406),
    ],
)
def test_only_fhir_json_of_r4_is_answered(http: httpx.Client, accept: str, status: int) -> None:
    for path in ("Patient/p1", "Patient?_id=p1", "metadata", "Patient/p1/$everything"):
        answer = http.get(path, headers={"Accept": accept})
        assert answer.status_code == status, path
        assert answer.headers["content-type"].startswith("application/fhir+json")


@pytest.mark.parametrize(("format_", "status"), [("json", 200), ("application/fhir+json", 200), ("xml", 406), ("text/html", 406)])
def test_format_goes_before_accept(http: httpx.Client, format_: str, status: int) -> None:
    for accept in ("application/fhir+json", "text/html"):
        answer = http.get("Patient/p1", params={"_format": format_}, headers={"Accept": accept})
        assert answer.status_code == status


@pytest.mark.parametrize("content_type", ["text/plain", "application/fhir+xml", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_media_type_is_refused(http: httpx.Client, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    for method, path in (("POST", "Flag"), ("PUT", "Flag/f1"), ("POST", "")):
        answer = http.request(method, path, content=b'{"resourceType":"Flag"}', headers=headers)
        assert answer.status_code == 415, (method, path)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"<Flag/>",
        b'{"resourceType":"Flag","resourceType":"Flag"}',
        b'{"resourceType":"Flag","x":NaN}',
        b'{"id":"f1"}',
        b'{"resourceType":7}',
        b'\xff{"resourceType":"Flag"}',
    ],
)
def test_a_body_that_is_no_strict_json_resource_is_a_bad_request(http: httpx.Client, text: bytes) -> None:
    answer = http.post("Flag", content=text, headers=FHIR)
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"
