"""Misbehaviour on demand, and what the server saw."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from sandbox.ehr.serve import Running


@pytest.fixture(autouse=True)
def well_behaved(ehr: Running) -> Iterator[None]:
    yield
    ehr.faults.clear()


def test_the_log_tells_what_was_asked_and_answered(http: httpx.Client, ehr: Running) -> None:
    begun = len(ehr.faults.log)
    http.get("Observation?patient=p1")
    http.get("Patient/none", headers={"Authorization": "Bearer x"})
    seen = [(each.method, each.path, each.had_authorization, each.query, each.status) for each in ehr.faults.log[begun:]]
    assert seen == [("GET", "/fhir/Observation", False, "patient=p1", 200), ("GET", "/fhir/Patient/none", True, "", 404)]
    assert ehr.faults.count("/fhir/Patient/none", "GET") == 1
    assert ehr.faults.count("/fhir/Patient/none", "POST") == 0


def test_latency_holds_every_answer_back_but_not_one_after_the_other(http: httpx.Client, ehr: Running) -> None:
    for seconds in (0.05, 0.5, 5.0):  # until this machine sends two within it
        ehr.faults.latency, ehr.faults.most_in_flight = seconds, 0
        begun = time.perf_counter()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: http.get("Patient/p1"), range(4)))
        assert time.perf_counter() - begun >= seconds
        if ehr.faults.most_in_flight >= 2:
            break
    assert ehr.faults.most_in_flight >= 2


def test_an_answer_is_kept_back_until_it_is_let_go_and_others_are_not(http: httpx.Client, ehr: Running) -> None:
    ehr.faults.hold("/Observation")
    before = ehr.faults.count("/Observation")
    with ThreadPoolExecutor(1) as pool:
        kept = pool.submit(http.get, "Observation/o1")
        assert http.get("Patient/p1").status_code == 200
        while ehr.faults.count("/Observation") == before:
            time.sleep(0.005)
        assert not kept.done()
        ehr.faults.release()
        assert kept.result().status_code == 200


def test_types_are_forbidden_until_the_plan_is_cleared(http: httpx.Client, ehr: Running) -> None:
    ehr.faults.forbid("Observation", "Media")
    assert [http.get(path).status_code for path in ("Observation?patient=p1", "Observation/o1", "Media", "Patient/p1")] == [
        403,
        403,
        403,
        200,
    ]
    ehr.faults.clear()
    assert http.get("Observation/o1").status_code == 200


def test_forbidding_a_type_leaves_longer_names_alone(http: httpx.Client, ehr: Running) -> None:
    ehr.faults.forbid("Medication")
    assert http.get("MedicationRequest?patient=p1").status_code == 200
    assert http.post("Medication/_search", data={"_id": "m1"}).status_code == 403


@pytest.mark.parametrize("status", [429, 503, 500])
def test_a_status_is_given_so_many_times_with_its_retry_after(http: httpx.Client, ehr: Running, status: int) -> None:
    ehr.faults.answer(status, times=2, path="Observation", retry_after="3")
    assert http.get("Patient/p1").status_code == 200
    answers = [http.get("Observation/o1") for _ in range(3)]
    assert [each.status_code for each in answers] == [status, status, 200]
    assert answers[0].headers["retry-after"] == "3"
    assert answers[0].json()["resourceType"] == "OperationOutcome"


def test_a_login_page_is_html_with_status_200(http: httpx.Client, ehr: Running) -> None:
    ehr.faults.login_page()
    answer = http.get("Patient/p1")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert http.get("Patient/p1").status_code == 200


def test_a_token_wears_out_and_a_new_one_begins_afresh(http: httpx.Client, ehr: Running) -> None:
    ehr.faults.expire_tokens_after(2)
    old = [http.get("Patient/p1", headers={"Authorization": "Bearer old"}) for _ in range(3)]
    assert [each.status_code for each in old] == [200, 200, 401]
    assert "invalid_token" in old[2].headers["www-authenticate"]
    assert http.get("Patient/p1", headers={"Authorization": "Bearer new"}).status_code == 200
    assert http.get("Patient/p1").status_code == 200


def test_bundles_carry_what_does_not_belong_and_lose_what_does(http: httpx.Client, ehr: Running) -> None:
    ehr.faults.add_to_bundles({"resourceType": "Observation", "id": "o6", "subject": {"reference": "Patient/p2"}})
    assert http.get("Observation?patient=p1").json()["entry"][-1]["resource"]["id"] == "o6"
    assert http.get("Observation?patient=nobody").json()["entry"][0]["search"]["mode"] == "match"
    assert http.get("Observation/o1").json()["id"] == "o1"
    ehr.faults.clear()
    ehr.faults.drop("Observation")
    body = http.get("Patient/p1/$everything?_count=100").json()
    assert "Observation" not in {each["resource"]["resourceType"] for each in body["entry"]}
    assert body["total"] > len(body["entry"])


def test_next_links_loop_or_lead_elsewhere(http: httpx.Client, ehr: Running) -> None:
    def link() -> str:
        return next(each["url"] for each in http.get("Observation?patient=p1").json()["link"] if each["relation"] == "next")

    ehr.faults.next_link("loop")
    assert link() == f"{ehr.base}/Observation?patient=p1"
    ehr.faults.clear()
    ehr.faults.next_link("http://other/fhir/Observation")
    assert link() == "http://other/fhir/Observation"


def test_any_json_can_be_changed_on_its_way_out(http: httpx.Client, ehr: Running) -> None:
    ehr.faults.edit_json("smart-configuration", lambda body: body.update(code_challenge_methods_supported=["plain"]))
    ehr.faults.edit_bundles(lambda bundle: bundle.pop("total"))
    assert http.get(".well-known/smart-configuration").json()["code_challenge_methods_supported"] == ["plain"]
    assert "total" not in http.get("Observation?patient=p1").json()
    assert http.get("Patient/none").status_code == 404, "an error passes unchanged"


def test_what_is_not_fhir_is_left_alone(http: httpx.Client, ehr: Running) -> None:
    ehr.faults.answer(500, times=None)
    assert http.get(f"{ehr.origin}/auth/jwks").status_code == 200
    assert http.get("metadata").status_code == 500
