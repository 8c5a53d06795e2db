"""The search interaction: GET and POST, handling of what is unknown."""

from __future__ import annotations

import httpx
import pytest

from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store


@pytest.mark.std("E2")
def test_post_search_finds_the_same_and_leaves_nothing_in_the_url(http: httpx.Client, ehr: Running) -> None:
    by_get = http.get("Observation?patient=p1&code=2160-0").json()
    by_post = http.post("Observation/_search", data={"patient": "p1", "code": "2160-0"}).json()
    assert by_post["entry"] == by_get["entry"]
    last = ehr.faults.log[-1]
    assert (last.method, last.path, last.query) == ("POST", "/fhir/Observation/_search", "")


def test_parameters_of_url_and_body_are_taken_together(http: httpx.Client) -> None:
    body = http.post("Observation/_search?patient=p1", data={"code": "718-7"}).json()
    assert [each["resource"]["id"] for each in body["entry"]] == ["o3"]


@pytest.mark.parametrize("content_type", ["application/json", "application/fhir+json", "text/plain", ""])
def test_post_search_takes_a_form_only(http: httpx.Client, content_type: str) -> None:
    answer = http.post("Observation/_search", content=b"patient=p1", headers={"Content-Type": content_type})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("prefer", "status"),
    [
        ("handling=strict", 400),
        ("return=minimal; handling=strict", 400),
        ("return=minimal, handling=strict", 400),
        ("handling=lenient", 200),
    ],
)
@pytest.mark.std("E2")
def test_strict_handling_refuses_what_is_unknown(http: httpx.Client, prefer: str, status: int) -> None:
    assert http.get("Observation?colour=red", headers={"Prefer": prefer}).status_code == status


@pytest.mark.parametrize("query", ["Observation?date=soon", "Observation?_count=many", "Observation?code:text=x"])
def test_an_impossible_value_is_a_bad_request(http: httpx.Client, query: str) -> None:
    answer = http.get(query)
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["code"] == "invalid"


def test_a_type_that_is_not_offered_is_not_found() -> None:
    with running(Store(), Config(without=frozenset(["Media"]))) as ehr, httpx.Client(timeout=60) as http:
        assert http.get(f"{ehr.base}/Media?patient=p1").status_code == 404
        assert http.get(f"{ehr.base}/Nonsense?patient=p1").status_code == 404
        assert http.get(f"{ehr.base}/Observation?patient=p1").status_code == 200
        listed = [each["type"] for each in http.get(f"{ehr.base}/metadata").json()["rest"][0]["resource"]]
    assert "Media" not in listed
    assert "Observation" in listed
