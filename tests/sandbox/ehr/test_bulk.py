"""Bulk Data over HTTP: kick-off, waiting, files, abort."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from sandbox.ehr.config import BulkConfig, Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store

ASYNC = {"Prefer": "respond-async", "Accept": "application/fhir+json"}


def kick_off(http: httpx.Client, path: str = "$export", **headers: str) -> str:
    answer = http.get(path, headers=ASYNC | headers)
    assert answer.status_code == 202, answer.text
    return answer.headers["content-location"]


def wait(http: httpx.Client, status: str, **headers: str) -> dict[str, Any]:
    for _ in range(5):
        answer = http.get(status, headers=headers)
        if answer.status_code == 200:
            body: dict[str, Any] = answer.json()
            return body
        assert answer.status_code == 202
    raise AssertionError("never ready")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$export?_type=Patient", {"p1", "p2"}),
        ("Patient/$export?_type=Patient,Practitioner", {"p1", "p2"}),
        ("Group/g1/$export?_type=Patient,Encounter", {"p1", "enc1"}),
    ],
)
@pytest.mark.std("C1")
def test_an_export_is_kicked_off_waited_for_and_read(http: httpx.Client, ehr: Running, path: str, expected: set[str]) -> None:
    manifest = wait(http, kick_off(http, path))
    assert manifest.keys() == {"transactionTime", "request", "requiresAccessToken", "output", "deleted", "error"}
    assert manifest["request"] == f"{ehr.base}/{path}"
    assert manifest["requiresAccessToken"] is False
    lines = [
        line
        for each in manifest["output"]
        for line in http.get(each["url"], headers={"Accept": "application/fhir+ndjson"}).text.splitlines()
    ]
    assert {httpx.Response(200, text=line).json()["id"] for line in lines} == expected
    assert sum(each["count"] for each in manifest["output"]) == len(expected)


@pytest.mark.std("C1")
def test_a_post_with_parameters_does_the_same_and_can_name_patients(http: httpx.Client) -> None:
    parameters = [{"name": "_type", "valueString": "Patient"}, {"name": "patient", "valueReference": {"reference": "Patient/p2"}}]
    body = {"resourceType": "Parameters", "parameter": parameters}
    headers = ASYNC | {"Content-Type": "application/fhir+json"}
    answer = http.post("Patient/$export", json=body, headers=headers)
    assert answer.status_code == 202
    assert [each["count"] for each in wait(http, answer.headers["content-location"])["output"]] == [1]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("$export", {"Prefer": ""}, 400),
        ("$export", {"Prefer": "handling=lenient"}, 400),
        ("$export", {"Accept": "text/html"}, 406),
        ("$export?_outputFormat=csv", {}, 400),
        ("$export?_type=Nonsense", {}, 400),
        ("Patient/$export?patient=Patient/p1", {}, 400),
        ("Group/none/$export", {}, 404),
        ("Observation/$export", {}, 404),
    ],
)
@pytest.mark.std("C1")
def test_a_kick_off_that_is_wrong_is_refused_without_a_location(
    http: httpx.Client, path: str, headers: dict[str, str], status: int
) -> None:
    answer = http.get(path, headers=ASYNC | headers)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert "content-location" not in answer.headers


def test_with_lenient_handling_the_rest_is_exported_and_the_loss_is_told(http: httpx.Client) -> None:
    status = kick_off(http, "$export?_type=Patient,Nonsense&colour=red", Prefer="respond-async, handling=lenient")
    manifest = wait(http, status)
    assert [each["type"] for each in manifest["error"]] == ["OperationOutcome"]
    text = http.get(manifest["error"][0]["url"], headers={"Accept": "application/fhir+ndjson"}).text
    assert all(word in text for word in ("_type Nonsense", "colour"))
    assert len(text.splitlines()) == 2


def test_an_export_stays_as_it_was_at_kick_off(http: httpx.Client, ehr: Running) -> None:
    status = kick_off(http, "$export?_type=Location")
    ehr.store.put("Location", "l1", {"resourceType": "Location"})
    assert wait(http, status)["output"] == []


@pytest.mark.parametrize(("encoding", "expected"), [("gzip", "gzip"), ("identity", None)])
@pytest.mark.std("C4")
def test_files_are_compressed_for_those_who_can_read_it(http: httpx.Client, encoding: str, expected: str | None) -> None:
    (output,) = wait(http, kick_off(http, "$export?_type=Encounter"))["output"]
    answer = http.get(output["url"], headers={"Accept-Encoding": encoding, "Accept": "application/fhir+ndjson"})
    assert answer.headers.get("content-encoding") == expected
    assert answer.headers["content-type"] == "application/fhir+ndjson"
    assert answer.json()["id"] == "enc1"


def test_a_file_of_another_media_type_or_name_is_refused(http: httpx.Client) -> None:
    (output,) = wait(http, kick_off(http, "$export?_type=Encounter"))["output"]
    assert http.get(output["url"], headers={"Accept": "text/csv"}).status_code == 406
    assert http.get(output["url"] + "x", headers={"Accept": "*/*"}).status_code == 404


@pytest.mark.std("C2")
def test_an_aborted_export_is_gone_with_its_files(http: httpx.Client) -> None:
    status = kick_off(http, "$export?_type=Encounter")
    (output,) = wait(http, status)["output"]
    assert http.delete(status).status_code == 202
    assert http.get(status).status_code == 404
    assert http.delete(status).status_code == 404
    assert http.get(output["url"], headers={"Accept": "*/*"}).status_code == 404
    assert http.get(status).json()["resourceType"] == "OperationOutcome"


@pytest.fixture(scope="module")
def slow() -> Iterator[httpx.Client]:
    """A hospital that takes three polls, a moment apart."""
    bulk = BulkConfig(polls=3, retry_after=7, least_seconds_between_polls=0.05)
    with running(Store(), Config(bulk=bulk)) as ehr, httpx.Client(timeout=60, base_url=f"{ehr.base}/") as http:
        yield http


@pytest.mark.std("C2")
def test_progress_is_told_and_a_client_that_cannot_wait_gets_429(slow: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [time.monotonic()]
    monkeypatch.setattr("sandbox.ehr.bulk.time", SimpleNamespace(monotonic=lambda: now[0], time=time.time))
    status = kick_off(slow)
    seen = []
    for pause in (0.0, 0.0, 0.06, 0.06, 0.06):
        now[0] += pause
        answer = slow.get(status)
        seen.append((answer.status_code, answer.headers.get("x-progress"), answer.headers.get("retry-after")))
    steps = [(202, f"{number} of 4 steps", "7") for number in (1, 2, 3)]
    assert seen == [steps[0], (429, None, "7"), *steps[1:], (200, None, None)]


@pytest.mark.std("C1")
@pytest.mark.std("C4")
def test_with_tokens_each_step_needs_the_clients_own(app: Any) -> None:
    tokens = [app.backend().json()["access_token"] for _ in range(2)]
    mine, renewed = ({"Authorization": f"Bearer {each}"} for each in tokens)
    app.client_id = "writer"
    others = {"Authorization": f"Bearer {app.launch(scope='launch user/Observation.rs')['access_token']}"}
    base = app.ehr.base
    assert app.http.get(f"{base}/$export", headers=ASYNC).status_code == 401
    status = kick_off(app.http, f"{base}/$export?_type=Encounter", **mine)
    assert app.http.get(status).status_code == 401
    assert app.http.get(status, headers=others).status_code == 404
    manifest = wait(app.http, status, **renewed)
    assert manifest["requiresAccessToken"] is True
    url = manifest["output"][0]["url"]
    answers = [app.http.get(url, headers=each).status_code for each in ({}, others, mine, renewed)]
    assert answers == [401, 404, 200, 200]
    assert app.http.delete(status, headers=others).status_code == 404


@pytest.mark.std("C4")
def test_files_that_need_no_token_refuse_one(app: Any, ward: list[dict[str, Any]]) -> None:
    config = app.ehr.hospital.config
    with running(Store(ward), Config(requires_token=True, clients=config.clients, bulk=BulkConfig(needs_token=False, polls=0))) as ehr:
        app.ehr = ehr
        token = {"Authorization": f"Bearer {app.backend().json()['access_token']}"}
        manifest = wait(app.http, kick_off(app.http, f"{ehr.base}/$export?_type=Encounter", **token), **token)
        assert manifest["requiresAccessToken"] is False
        url = manifest["output"][0]["url"]
        assert app.http.get(url, headers=token).status_code == 400
        assert app.http.get(url).status_code == 200
