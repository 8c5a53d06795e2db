"""What a manifest says, and what of it is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fhir.bulk.manifest import ExportedFile, read_manifest
from fhir.errors import BadJson, ExportFailed, NotFhir, RecordError

BODY: dict[str, Any] = {
    "transactionTime": "2026-11-20T09:00:00Z",
    "request": "https://ehr.example/fhir/$export",
    "requiresAccessToken": True,
    "output": [
        {"type": "Patient", "url": "https://files.example/1?sig=secret", "count": 2},
        {"type": "Observation", "url": "../files/2", "extension": {}},
    ],
    "error": [{"type": "OperationOutcome", "url": "/e"}],
    "deleted": [{"url": "/d"}],
    "extension": {"note": [1.50]},
}


def read(**more: Any) -> Any:
    return read_manifest(json.dumps({**BODY, **more}).encode(), "https://ehr.example/jobs/1")


@pytest.mark.std("C3")
def test_a_manifest_names_its_files_and_keeps_what_it_does_not_know() -> None:
    manifest = read()
    assert (manifest.transaction_time, manifest.requires_access_token, manifest.more) == (BODY["transactionTime"], True, False)
    assert manifest.output == (
        ExportedFile("Patient", "https://files.example/1?sig=secret", 2),
        ExportedFile("Observation", "https://ehr.example/files/2"),
    )
    assert manifest.error == (ExportedFile("OperationOutcome", "https://ehr.example/e"),)
    assert manifest.deleted == (ExportedFile("Bundle", "https://ehr.example/d"),)
    assert str(manifest.unknown["extension"]["note"][0]) == "1.5"


def test_a_signed_url_is_not_shown() -> None:
    assert "secret" not in repr(read())


@pytest.mark.std("C4")
def test_no_token_goes_along_where_the_manifest_does_not_say_so() -> None:
    body = {name: value for name, value in BODY.items() if name != "requiresAccessToken"}
    assert read_manifest(json.dumps(body).encode(), "https://ehr.example/").requires_access_token is False


def test_a_manifest_of_several_pages_says_that_there_is_more() -> None:
    assert read(link=[{"relation": "next", "url": "https://ehr.example/jobs/1?page=2"}]).more


@pytest.mark.parametrize("count", [-1, "2", True, 2.5, None])
def test_a_count_that_is_none_is_not_believed(count: object) -> None:
    assert read(output=[{"type": "Patient", "url": "/1", "count": count}]).output[0].count is None


@pytest.mark.std("C3")
@pytest.mark.parametrize(
    "more",
    [
        {"transactionTime": None},
        {"transactionTime": "2026-11-20"},
        {"requiresAccessToken": "true"},
        {"output": None},
        {"output": {}},
        {"output": [{"type": "Patient"}]},
        {"output": [{"url": "/1"}]},
        {"output": [{"type": "../Patient", "url": "/1"}]},
        {"output": ["/1"]},
        {"error": "none"},
        {"deleted": [{}]},
    ],
    ids=str,
)
def test_a_manifest_that_cannot_be_followed_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ExportFailed):
        read(**more)


@pytest.mark.fault(16)
@pytest.mark.parametrize(("text", "error"), [(b"<html>", NotFhir), (b'{"output":[],"output":[]}', BadJson), (b'{"output":[', BadJson)])
def test_a_manifest_is_strict_json(text: bytes, error: type[RecordError]) -> None:
    with pytest.raises(error):
        read_manifest(text, "https://ehr.example/")
