"""Create, update, delete."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store

JSON = {"Content-Type": "application/fhir+json"}


def flag(value: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Flag", "identifier": [{"system": "urn:f", "value": value}], **more}


@pytest.mark.std("E4")
def test_a_create_answers_with_location_and_version_and_chooses_the_id(http: httpx.Client, ehr: Running) -> None:
    answer = http.post("Flag", json=flag("new", id="mine"), headers=JSON)
    assert answer.status_code == 201
    made = answer.json()
    assert made["id"] != "mine"
    assert answer.headers["location"] == f"{ehr.base}/Flag/{made['id']}/_history/1"
    assert answer.headers["etag"] == 'W/"1"'
    assert http.get(f"Flag/{made['id']}").json() == made


@pytest.mark.std("E4")
def test_if_none_exist_creates_once_finds_once_and_refuses_to_choose(http: httpx.Client) -> None:
    condition = JSON | {"If-None-Exist": "identifier=urn:f|once"}
    first, second = (http.post("Flag", json=flag("once"), headers=condition) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    http.post("Flag", json=flag("once"), headers=JSON)
    assert http.post("Flag", json=flag("once"), headers=condition).status_code == 412


@pytest.mark.parametrize("condition", ["", "_count=1", "colour=red", "identifier=x&colour=red"])
def test_a_condition_without_criteria_or_with_unknown_ones_is_refused(http: httpx.Client, condition: str) -> None:
    assert http.post("Flag", json=flag("c"), headers=JSON | {"If-None-Exist": condition}).status_code == 400


@pytest.mark.std("E4")
def test_an_update_needs_the_current_version_when_it_names_one(http: httpx.Client) -> None:
    body = flag("u", id="u1")
    assert http.put("Flag/u1", json=body, headers=JSON | {"If-Match": 'W/"1"'}).status_code == 412, "it is not there yet"
    assert http.put("Flag/u1", json=body, headers=JSON).status_code == 201
    done = http.put("Flag/u1", json=body, headers=JSON | {"If-Match": 'W/"1"'})
    assert (done.status_code, done.headers["etag"]) == (200, 'W/"2"')
    stale = http.put("Flag/u1", json=body, headers=JSON | {"If-Match": 'W/"1"'})
    assert stale.status_code == 412
    assert stale.json()["issue"][0]["code"] == "conflict"
    assert http.get("Flag/u1").headers["etag"] == 'W/"2"'


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("Flag/u2", {"resourceType": "Flag", "id": "other"}),
        ("Flag/u2", {"resourceType": "Flag"}),
        ("Flag/u2", {"resourceType": "Device", "id": "u2"}),
        ("Flag/u_2", {"resourceType": "Flag", "id": "u_2"}),
    ],
)
def test_an_update_whose_resource_is_not_the_one_of_the_url_is_refused(http: httpx.Client, path: str, body: dict[str, str]) -> None:
    assert http.put(path, json=body, headers=JSON).status_code == 400
    assert http.get("Flag/u2").status_code == 404


def test_a_create_of_another_type_is_refused(http: httpx.Client) -> None:
    assert http.post("Flag", json={"resourceType": "Device"}, headers=JSON).status_code == 400


@pytest.mark.std("E4")
def test_a_deleted_resource_is_gone_and_can_be_written_again(http: httpx.Client) -> None:
    http.put("Flag/d1", json=flag("d", id="d1"), headers=JSON)
    assert http.delete("Flag/d1", headers={"If-Match": 'W/"9"'}).status_code == 412
    assert http.delete("Flag/d1").status_code == 204
    assert http.delete("Flag/d1").status_code == 204
    assert http.delete("Flag/never").status_code == 404
    assert http.get("Flag/d1").status_code == 410
    assert http.get("Flag?identifier=urn:f|d").json()["total"] == 0
    again = http.put("Flag/d1", json=flag("d", id="d1"), headers=JSON)
    assert (again.status_code, again.headers["etag"]) == (201, 'W/"3"')


@pytest.mark.parametrize(
    ("prefer", "kind"), [("return=minimal", None), ("return=representation", "Flag"), ("return=OperationOutcome", "OperationOutcome")]
)
def test_a_write_returns_what_is_preferred(http: httpx.Client, prefer: str, kind: str | None) -> None:
    answer = http.post("Flag", json=flag("r"), headers=JSON | {"Prefer": prefer})
    assert answer.status_code == 201
    assert (answer.json()["resourceType"] if answer.content else None) == kind


def test_digits_come_back_as_they_were_sent(http: httpx.Client) -> None:
    text = b'{"resourceType":"Observation","id":"digits","valueQuantity":{"value":0.10}}'
    http.put("Observation/digits", content=text, headers=JSON)
    assert b'"value":0.10' in http.get("Observation/digits").content


@pytest.mark.parametrize("meta", ["x", 7, None, []])
def test_a_meta_that_is_no_object_is_refused(http: httpx.Client, meta: Any) -> None:
    assert http.post("Flag", json={"resourceType": "Flag", "meta": meta}, headers=JSON).status_code == 400


@pytest.mark.std("E4")
def test_a_hospital_may_validate_what_it_is_sent() -> None:
    sound = {"resourceType": "Communication", "status": "completed"}
    with (
        running(Store(), Config(validates=True)) as ehr,
        httpx.Client(timeout=60, verify=False, base_url=f"{ehr.base}/", headers=JSON) as http,
    ):
        refused = http.post("Communication", json={**sound, "sent": "SECRET"})
        assert http.post("Communication", json=sound).status_code == 201
        assert http.put("Communication/c1", json={"resourceType": "Communication", "id": "c1"}).status_code == 422
    assert refused.status_code == 422
    assert refused.json()["issue"][0]["code"] == "processing"
    assert "SECRET" not in refused.text


def test_a_hospital_may_demand_the_version_of_every_update() -> None:
    with running(Store(), Config(requires_if_match=True)) as ehr, httpx.Client(timeout=60, base_url=f"{ehr.base}/", headers=JSON) as http:
        assert http.put("Flag/u1", json=flag("u", id="u1")).status_code == 201
        assert http.put("Flag/u1", json=flag("u", id="u1")).status_code == 412
        versioning = {each["versioning"] for each in http.get("metadata").json()["rest"][0]["resource"]}
    assert versioning == {"versioned-update"}


@pytest.mark.std("E4")
def test_an_update_by_criteria_makes_one_then_writes_over_it_and_refuses_to_choose(http: httpx.Client, ehr: Running) -> None:
    where = {"identifier": "urn:f|where"}
    made = http.put("Flag", json=flag("where"), headers=JSON, params=where)
    again = http.put("Flag", json=flag("where", status="active"), headers=JSON | {"If-Match": 'W/"1"'}, params=where)
    assert (made.status_code, again.status_code) == (201, 200)
    assert (again.json()["id"], again.json()["status"], again.headers["etag"]) == (made.json()["id"], "active", 'W/"2"')
    assert http.put("Flag", json=flag("where", id="other"), headers=JSON, params=where).status_code == 400
    assert http.put("Flag", json=flag("where"), headers=JSON | {"If-Match": 'W/"1"'}, params=where).status_code == 412
    named = http.put("Flag", json=flag("named", id="f-named"), headers=JSON, params={"identifier": "urn:f|named"})
    assert (named.status_code, named.json()["id"]) == (201, "f-named")
    http.post("Flag", json=flag("where"), headers=JSON)
    assert http.put("Flag", json=flag("where"), headers=JSON, params=where).status_code == 412
    assert http.put("Flag", json=flag("where"), headers=JSON).status_code == 400
    assert http.put("Flag", json=flag("where"), headers=JSON, params={"colour": "red"}).status_code == 400
