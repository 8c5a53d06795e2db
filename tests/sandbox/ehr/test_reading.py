"""Read, vread, history, Binary."""

from __future__ import annotations

import httpx
import pytest

from sandbox.ehr.serve import Running


@pytest.fixture(scope="module")
def changed(ehr: Running) -> Running:
    """With a device of two versions and one that was deleted."""
    for status in ("active", "inactive"):
        ehr.store.put("Device", "d1", {"resourceType": "Device", "status": status})
    ehr.store.put("Device", "gone", {"resourceType": "Device"})
    ehr.store.delete("Device", "gone")
    return ehr


@pytest.mark.std("E4")
def test_a_read_carries_its_version(http: httpx.Client, changed: Running) -> None:
    answer = http.get("Device/d1")
    assert answer.json()["status"] == "inactive"
    assert answer.headers["etag"] == 'W/"2"'
    assert answer.headers["content-type"].startswith("application/fhir+json")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["last-modified"].endswith("GMT")
    assert http.get("Device/d1", headers={"If-None-Match": 'W/"2"'}).status_code == 304
    assert http.get("Device/d1", headers={"If-None-Match": 'W/"1"'}).status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("Device/none", 404, "not-found"),
        ("Device/gone", 410, "deleted"),
        ("Device/d1/_history/3", 404, "not-found"),
        ("Device/d1/_history/x", 404, "not-found"),
        ("Device/gone/_history/2", 410, "deleted"),
        ("Device/none/_history", 404, "not-found"),
        ("Nonsense/d1", 404, "not-found"),
        ("device/d1", 404, "not-found"),
    ],
)
@pytest.mark.std("E4")
def test_what_is_not_there_is_told_apart_from_what_was_deleted(
    http: httpx.Client, changed: Running, path: str, status: int, code: str
) -> None:
    answer = http.get(path)
    assert answer.status_code == status
    assert answer.json()["issue"][0]["code"] == code


def test_older_versions_can_be_read(http: httpx.Client, changed: Running) -> None:
    assert http.get("Device/d1/_history/1").json()["status"] == "active"
    assert http.get("Device/gone/_history/1").status_code == 200
    body = http.get("Device/gone/_history").json()
    assert body["type"] == "history"
    assert [each["request"]["method"] for each in body["entry"]] == ["DELETE", "POST"]
    assert "resource" not in body["entry"][0]
    assert body["entry"][1]["resource"]["id"] == "gone"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/fhir+json", "application/fhir+json"),
        ("application/json", "application/fhir+json"),
        ("text/plain", "text/plain"),
        ("*/*", "text/plain"),
    ],
)
@pytest.mark.std("E6")
def test_a_binary_comes_in_its_own_media_type_unless_fhir_is_asked_for(http: httpx.Client, accept: str, content_type: str) -> None:
    answer = http.get("Binary/b1", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(content_type)
    assert (answer.content == b"a note") == (content_type == "text/plain")
