"""Transactions, all or nothing, and batches, each for itself."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.ehr.serve import Running

JSON = {"Content-Type": "application/fhir+json"}
Body = dict[str, Any]


def entry(method: str, url: str, resource: Body | None = None, name: str | None = None, **more: str) -> Body:
    made: Body = {"request": {"method": method, "url": url, **more}}
    return made | ({"resource": resource} if resource else {}) | ({"fullUrl": name} if name else {})


def send(http: httpx.Client, kind: str, *entries: Body) -> httpx.Response:
    return http.post("", json={"resourceType": "Bundle", "type": kind, "entry": list(entries)}, headers=JSON)


def communication(subject: str = "Patient/p1", value: str = "x") -> Body:
    return {"resourceType": "Communication", "identifier": [{"value": value}], "subject": {"reference": subject}}


def test_entries_refer_to_each_other_and_are_answered_in_their_order(http: httpx.Client) -> None:
    answer = send(
        http,
        "transaction",
        entry("GET", "Communication?identifier=linked"),
        entry("POST", "Communication", communication("urn:uuid:new-patient", "linked")),
        entry("POST", "Patient", {"resourceType": "Patient"}, "urn:uuid:new-patient"),
    )
    assert answer.status_code == 200
    got, message, patient = answer.json()["entry"]
    assert [each["response"]["status"] for each in (got, message, patient)] == ["200", "201", "201"]
    assert message["resource"]["subject"]["reference"] == f"Patient/{patient['resource']['id']}"
    assert got["resource"]["total"] == 1, "what a transaction reads it reads after it has written"
    assert http.get(patient["response"]["location"]).status_code == 200


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (entry("PUT", "Communication/c1", {"resourceType": "Communication", "id": "other"}), 400),
        (entry("PUT", "Communication/c1", {"resourceType": "Communication", "id": "c1"}, ifMatch='W/"7"'), 412),
        (entry("POST", "Nonsense", {"resourceType": "Nonsense"}), 404),
        (entry("POST", "Communication"), 400),
        (entry("POST", "Communication/c1", communication()), 400),
        (entry("PUT", "Communication", communication()), 400),
        (entry("GET", "Communication/none"), 404),
        (entry("DELETE", "Communication/none"), 404),
        (entry("POST", "Communication", communication(), ifNoneExist="colour=red"), 400),
    ],
)
def test_a_transaction_that_fails_anywhere_leaves_nothing_behind(http: httpx.Client, ehr: Running, bad: Body, status: int) -> None:
    before = {each.local for each in ehr.store.everything()}
    answer = send(http, "transaction", entry("POST", "Communication", communication(value="undone")), bad)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert {each.local for each in ehr.store.everything()} == before


def test_a_batch_does_what_it_can(http: httpx.Client) -> None:
    answer = send(
        http,
        "batch",
        entry("GET", "Patient/p1"),
        entry("GET", "Patient/none"),
        entry("PUT", "Communication/b1", communication() | {"id": "b1"}),
        entry("DELETE", "Communication/b1"),
    )
    assert answer.status_code == 200
    assert answer.json()["type"] == "batch-response"
    entries = answer.json()["entry"]
    assert [each["response"]["status"] for each in entries] == ["200", "404", "201", "204"]
    assert entries[0]["resource"]["id"] == "p1"
    assert entries[1]["response"]["outcome"]["resourceType"] == "OperationOutcome"


@pytest.mark.std("E4")
def test_a_conditional_create_in_a_transaction_points_at_the_one_that_exists(http: httpx.Client) -> None:
    http.post("Patient", json={"resourceType": "Patient", "identifier": [{"value": "known"}]}, headers=JSON)
    answer = send(
        http,
        "transaction",
        entry("POST", "Patient", {"resourceType": "Patient"}, "urn:uuid:p", ifNoneExist="identifier=known"),
        entry("POST", "Communication", communication("urn:uuid:p")),
    )
    patient, message = answer.json()["entry"]
    assert patient["response"]["status"] == "200"
    assert message["resource"]["subject"]["reference"] == f"Patient/{patient['resource']['id']}"


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Patient"},
        {"resourceType": "Bundle", "type": "collection"},
        {"resourceType": "Bundle", "type": "transaction", "entry": [{}]},
        {"resourceType": "Bundle", "type": "transaction", "entry": {}},
        {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "PATCH", "url": "Patient/p1"}}]},
        {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "http://other/Patient/p1"}}]},
    ],
)
def test_what_is_no_transaction_or_batch_is_refused(http: httpx.Client, body: Body) -> None:
    assert http.post("", json=body, headers=JSON).status_code == 400


def test_two_entries_cannot_have_one_name(http: httpx.Client) -> None:
    twice = [entry("POST", "Communication", communication(), "urn:uuid:same") for _ in range(2)]
    assert send(http, "transaction", *twice).status_code == 400


def test_an_empty_batch_has_an_empty_answer(http: httpx.Client) -> None:
    assert send(http, "batch").json() == {"resourceType": "Bundle", "type": "batch-response"}


@pytest.mark.std("E4")
def test_an_entry_that_is_put_by_criteria_is_referred_to_wherever_it_ends_up(http: httpx.Client) -> None:
    """Twice the same transaction: one resource, two versions, and the reference to it right both times."""
    name = "urn:uuid:6b3a3c1e-9e5b-4e0e-8d1f-0d3d4a1f2b3c"
    subject = communication() | {"identifier": [{"system": "urn:c", "value": "put-where"}]}
    about = communication() | {"about": [{"reference": name}]}
    entries = [
        {"fullUrl": name, "request": {"method": "PUT", "url": "Communication?identifier=urn:c|put-where"}, "resource": subject},
        {"request": {"method": "POST", "url": "Communication"}, "resource": about},
    ]
    body = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answers = [http.post("", json=body, headers={"Content-Type": "application/fhir+json"}).json()["entry"] for _ in range(2)]
    assert [each[0]["response"]["status"] for each in answers] == ["201", "200"]
    assert len({each[0]["resource"]["id"] for each in answers}) == 1
    for put, posted in answers:
        assert posted["resource"]["about"] == [{"reference": f"Communication/{put['resource']['id']}"}]
