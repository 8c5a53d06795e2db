"""Pages over HTTP: links, totals, outcome entries."""

from __future__ import annotations

import httpx
import pytest

from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store


def link(body: dict, relation: str) -> str | None:  # type: ignore[type-arg]
    return next((each["url"] for each in body["link"] if each["relation"] == relation), None)


def ids(body: dict) -> list[str]:  # type: ignore[type-arg]
    return [each["resource"]["id"] for each in body.get("entry", ()) if each["search"]["mode"] == "match"]


@pytest.mark.std("E1")
def test_pages_follow_by_next_links_that_nobody_could_make_up(http: httpx.Client, ehr: Running) -> None:
    first = http.get("Observation?patient=p1&_sort=_id").json()
    assert ids(first) == ["o1", "o2", "o3"]
    url = link(first, "next")
    assert url is not None
    assert url.startswith(f"{ehr.base}/_page/")
    assert "p1" not in url
    second = http.get(url).json()
    assert ids(second) == ["o4", "o5"]
    assert link(second, "next") is None
    assert (first["total"], second["total"]) == (5, 5)
    assert ids(http.get(url).json()) == ["o4", "o5"], "a page that is asked for again is the same"


def test_a_page_stays_as_it_was_when_the_record_changes_meanwhile(http: httpx.Client, ehr: Running) -> None:
    first = http.get("Medication?_count=1").json()
    assert link(first, "next") is None
    for number in (2, 3):
        ehr.store.put("Medication", f"m{number}", {"resourceType": "Medication"})
    first = http.get("Medication?_count=2&_sort=_id").json()
    ehr.store.delete("Medication", "m1")
    ehr.store.put("Medication", "m0", {"resourceType": "Medication"})
    assert ids(http.get(str(link(first, "next"))).json()) == ["m3"]


@pytest.mark.parametrize("token", ["made-up", "a%2Fb", "%00"])
def test_a_page_token_that_was_never_given_is_gone(http: httpx.Client, ehr: Running, token: str) -> None:
    answer = http.get(f"{ehr.base}/_page/{token}")
    assert answer.status_code in (404, 410)
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.std("E2")
def test_an_unknown_parameter_is_left_out_of_the_self_link_and_told_in_an_outcome(http: httpx.Client, ehr: Running) -> None:
    body = http.get("Observation?patient=p2&colour=red&_format=json").json()
    assert link(body, "self") == f"{ehr.base}/Observation?patient=p2"
    (outcome,) = [each["resource"] for each in body["entry"] if each["search"]["mode"] == "outcome"]
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["severity"] == "warning"
    assert "colour" in outcome["issue"][0]["diagnostics"]
    assert body["total"] == 1, "outcomes are not counted"


@pytest.mark.parametrize("query", ["Observation?patient=p1&_summary=count", "Observation?patient=p1&_count=0"])
def test_a_count_alone_has_no_entries_and_no_next_link(http: httpx.Client, query: str) -> None:
    body = http.get(query).json()
    assert body["total"] == 5
    assert "entry" not in body
    assert link(body, "next") is None


def test_a_full_url_is_the_base_with_type_and_id(http: httpx.Client, ehr: Running) -> None:
    (entry,) = http.get("Patient?_id=p1").json()["entry"]
    assert entry["fullUrl"] == f"{ehr.base}/Patient/p1"


@pytest.mark.std("E1")
def test_total_is_told_or_not_as_the_server_and_the_client_wish() -> None:
    store = Store([{"resourceType": "Patient", "id": "p1"}])
    with running(store, Config(gives_total=False, most_per_page=1)) as quiet, httpx.Client(timeout=60, base_url=f"{quiet.base}/") as http:
        assert "total" not in http.get("Patient").json()
        assert http.get("Patient?_total=accurate").json()["total"] == 1
        assert http.get("Patient?_summary=count").json()["total"] == 1
        quiet.store.put("Patient", "p2", {"resourceType": "Patient"})
        assert ids(http.get("Patient?_count=50").json()) == ["p1"], "_count is lowered to the most that the server gives"


def test_total_none_is_honoured(http: httpx.Client) -> None:
    assert "total" not in http.get("Patient?_total=none").json()


def test_an_empty_result_has_no_entry_element(http: httpx.Client) -> None:
    body = http.get("Observation?code=none").json()
    assert body["total"] == 0
    assert "entry" not in body
