"""A status and an OperationOutcome become a typed error that repeats none of the server's words."""

from __future__ import annotations

import json

import pytest

from fhir.errors import AccessRefused, Deleted, NotFhir, NotThere, RecordError, RequestRefused, VersionConflict, WrongRelease
from fhir.rest.outcome import issue_codes, require_fhir, require_success
from fhir.wire.exchange import Answer

FHIR = "application/fhir+json"


def answer(status: int, body: bytes = b"", kind: str = FHIR) -> Answer:
    return Answer(status, {"content-type": kind}, body, "http://127.0.0.1/fhir/Patient/p1")


def outcome(*codes: object) -> bytes:
    issues = [{"severity": "error", "code": code, "diagnostics": "Mrs CANARY was not found"} for code in codes]
    return json.dumps({"resourceType": "OperationOutcome", "issue": issues}).encode()


REFUSALS: list[tuple[int, type[RecordError]]] = [
    (400, RequestRefused),
    (401, AccessRefused),
    (403, AccessRefused),
    (404, NotThere),
    (405, RequestRefused),
    (406, RequestRefused),
    (409, VersionConflict),
    (410, Deleted),
    (412, VersionConflict),
    (422, RequestRefused),
    (501, RequestRefused),
    (301, NotFhir),
    (302, NotFhir),
    (307, NotFhir),
    (100, NotFhir),
    (206, NotFhir),
]


@pytest.mark.std("E4")
@pytest.mark.parametrize(("status", "error"), REFUSALS)
def test_a_status_that_is_no_success_is_a_typed_error_without_the_servers_words(status: int, error: type[RecordError]) -> None:
    with pytest.raises(RecordError) as caught:
        require_success(answer(status, outcome("invalid")))
    assert type(caught.value) is error
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_success_is_given_back(status: int) -> None:
    assert require_success(answer(status)).status == status


def test_a_refusal_names_the_codes_of_its_issues() -> None:
    with pytest.raises(RequestRefused, match="not-supported, value") as caught:
        require_success(answer(400, outcome("not-supported", "value", "value")))
    assert caught.value.issues == ("not-supported", "value")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"resourceType":"Patient"}',
        outcome("Mrs CANARY", 7, "UPPER", "x" * 40),
        b'{"resourceType":"OperationOutcome"}',
    ],
)
def test_what_is_no_issue_code_is_not_repeated(body: bytes) -> None:
    assert issue_codes(body) == ()


@pytest.mark.fault(17)
@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=utf-8", "application/xhtml+xml", "application/fhir+xml", "text/plain"])
def test_another_media_type_than_fhir_json_is_no_fhir(kind: str) -> None:
    with pytest.raises(NotFhir):
        require_fhir(answer(200, b"{}", kind))


@pytest.mark.fault(18)
def test_a_media_type_of_another_release_is_refused() -> None:
    with pytest.raises(WrongRelease):
        require_fhir(answer(200, b"{}", f"{FHIR}; fhirVersion=5.0"))


@pytest.mark.parametrize("kind", [FHIR, f"{FHIR};charset=utf-8", f"{FHIR}; fhirVersion=4.0", "application/json", ""])
def test_fhir_json_under_the_names_it_has_in_the_field_is_taken(kind: str) -> None:
    assert require_fhir(answer(200, b"{}", kind)) == b"{}"


@pytest.mark.std("E1")
@pytest.mark.parametrize("status", [201, 202, 204])
def test_a_success_without_what_was_asked_for_is_no_answer(status: int) -> None:
    with pytest.raises(RequestRefused):
        require_fhir(Answer(status, {"content-type": "application/fhir+json"}, b"{}", "http://127.0.0.1/x"))
