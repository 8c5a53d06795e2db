"""What scopes let a request see and do, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.ehr.access import Access
from sandbox.ehr.auth.scopes import ResourceScope, resource_scopes
from sandbox.ehr.store import Store

JSON = {"Content-Type": "application/fhir+json"}


def headers(app: Any, scope: str, client_id: str = "app") -> dict[str, str]:
    app.client_id = client_id
    return {"Authorization": f"Bearer {app.launch(scope=scope)['access_token']}", **JSON}


@pytest.mark.parametrize(
    ("scope", "path", "status"),
    [
        ("launch patient/*.rs", "Patient/p1", 200),
        ("launch patient/*.rs", "Patient/p2", 403),
        ("launch patient/*.rs", "Observation/o1", 200),
        ("launch patient/*.rs", "Observation/o6", 403),
        ("launch patient/*.rs", "Observation/o6/_history", 403),
        ("launch patient/*.rs", "Observation/o6/_history/1", 403),
        ("launch patient/*.rs", "Observation?patient=p1", 200),
        ("launch patient/*.rs", "Observation?patient=p2", 403),
        ("launch patient/*.rs", "Observation?patient=Patient/p2", 403),
        ("launch patient/*.rs", "Observation?subject:Patient=p2", 403),
        ("launch patient/*.rs", "Observation?patient=p1,p2", 403),
        ("launch patient/*.rs", "Patient?_id=p2", 403),
        ("launch patient/*.rs", "Patient/p1/$everything", 200),
        ("launch patient/*.rs", "Patient/p2/$everything", 403),
        ("launch patient/*.rs", "Medication/m1", 200),
        ("launch patient/*.rs", "Binary/b1", 200),
        ("launch patient/*.rs", "Binary/b2", 403),
        ("launch patient/Observation.rs", "Condition?patient=p1", 403),
        ("launch patient/Observation.rs", "Patient/p1", 403),
        ("launch patient/Observation.rs", "Patient/p1/$everything", 403),
        ("launch patient/Observation.r", "Observation/o1", 200),
        ("launch patient/Observation.r", "Observation?patient=p1", 403),
        ("launch patient/Observation.s", "Observation/o1", 403),
        ("launch patient/Observation.read", "Observation/o1", 200),
        ("launch patient/Observation.read", "Observation?patient=p1", 200),
        ("launch openid", "Patient/p1", 403),
        ("launch patient/Patient.rs", "$export", 403),
    ],
)
@pytest.mark.std("A13")
def test_a_request_gets_as_far_as_its_scopes(app: Any, scope: str, path: str, status: int) -> None:
    answer = app.http.get(f"{app.ehr.base}/{path}", headers=headers(app, scope) | {"Prefer": "respond-async"})
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) == (status == 403)


@pytest.mark.std("A13")
def test_a_search_without_a_patient_is_kept_inside_the_tokens_patient(app: Any) -> None:
    found = app.http.get(f"{app.ehr.base}/Observation?_count=100", headers=headers(app, "launch patient/*.rs")).json()
    assert {each["resource"]["id"] for each in found["entry"]} == {"o1", "o2", "o3", "o4", "o5"}
    assert found["total"] == 5


def test_a_scope_with_a_condition_reaches_only_what_fits_it(app: Any) -> None:
    allowed = headers(app, "launch patient/Observation.rs?category=laboratory", "narrow")
    found = app.http.get(f"{app.ehr.base}/Observation?patient=p1", headers=allowed).json()
    assert [each["resource"]["id"] for each in found["entry"]] == ["o1", "o2", "o3"]
    assert found["total"] == 3
    assert app.http.get(f"{app.ehr.base}/Observation/o4", headers=allowed).status_code == 403
    assert app.http.get(f"{app.ehr.base}/Observation/o1", headers=allowed).status_code == 200


def test_includes_bring_nothing_that_the_scopes_do_not_reach(app: Any) -> None:
    allowed = headers(app, "launch patient/ImagingStudy.rs")
    found = app.http.get(
        f"{app.ehr.base}/ImagingStudy?_include=ImagingStudy:endpoint&_include=ImagingStudy:patient", headers=allowed
    ).json()
    assert [each["resource"]["id"] for each in found["entry"]] == ["i1"]


def test_everything_leaves_out_types_outside_the_scopes(app: Any) -> None:
    allowed = headers(app, "launch patient/Patient.rs patient/Observation.rs")
    found = app.http.get(f"{app.ehr.base}/Patient/p1/$everything?_count=100", headers=allowed).json()
    assert {each["resource"]["resourceType"] for each in found["entry"]} == {"Patient", "Observation"}


def test_a_next_link_is_of_no_use_to_another_token(app: Any) -> None:
    mine, others = headers(app, "launch patient/*.rs"), headers(app, "launch patient/Patient.r", "narrow")
    links = app.http.get(f"{app.ehr.base}/Observation?patient=p1", headers=mine).json()["link"]
    url = next(each["url"] for each in links if each["relation"] == "next")
    narrower = headers(app, "launch patient/Patient.r", "app")
    assert app.http.get(url, headers=others).status_code == 403
    assert app.http.get(url, headers=narrower).status_code == 403, "the same client with less"
    assert app.http.get(url).status_code == 401
    assert app.http.get(url, headers=mine).status_code == 200


@pytest.mark.parametrize(
    ("scope", "owner", "status"),
    [
        ("launch patient/Flag.cruds", "p1", 201),
        ("launch patient/Flag.cruds", "p2", 403),
        ("launch patient/Flag.rs", "p1", 403),
        ("launch patient/Flag.write", "p1", 201),
        ("launch patient/Flag.read", "p1", 403),
    ],
)
@pytest.mark.std("A13")
def test_writing_needs_its_own_letter_and_the_tokens_patient(app: Any, scope: str, owner: str, status: int) -> None:
    body = {"resourceType": "Flag", "subject": {"reference": f"Patient/{owner}"}}
    assert app.http.post(f"{app.ehr.base}/Flag", json=body, headers=headers(app, scope, "writer")).status_code == status


def test_a_resource_cannot_be_moved_or_deleted_across_patients(app: Any) -> None:
    app.ehr.store.put("Flag", "f2", {"resourceType": "Flag", "subject": {"reference": "Patient/p2"}})
    allowed = headers(app, "launch patient/*.cruds", "writer")
    stolen = {"resourceType": "Flag", "id": "f2", "subject": {"reference": "Patient/p1"}}
    assert app.http.put(f"{app.ehr.base}/Flag/f2", json=stolen, headers=allowed).status_code == 403
    assert app.http.delete(f"{app.ehr.base}/Flag/f2", headers=allowed).status_code == 403
    assert len(app.ehr.store.history("Flag", "f2")) == 1
    own = {"resourceType": "Flag", "id": "f1", "subject": {"reference": "Patient/p1"}}
    given_away = own | {"subject": {"reference": "Patient/p2"}}
    answers = [app.http.put(f"{app.ehr.base}/Flag/f1", json=each, headers=allowed).status_code for each in (own, given_away)]
    assert answers == [201, 403]


def test_a_transaction_is_bound_by_the_same_scopes(app: Any) -> None:
    body = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "GET", "url": f"Observation/{each}"}} for each in ("o1", "o6")],
    }
    answer = app.http.post(f"{app.ehr.base}", json=body, headers=headers(app, "launch patient/*.cruds", "writer"))
    assert [each["response"]["status"] for each in answer.json()["entry"]] == ["200", "403"]


def test_a_condition_that_nobody_can_evaluate_lets_nothing_through() -> None:
    (version,) = Store([{"resourceType": "Observation", "id": "o1"}]).of_type("Observation")
    for query in ((("colour", "red"),), (("date", "soon"),)):
        assert not Access((ResourceScope("system", "Observation", "r", query),)).sees("r", version)


def test_a_user_scope_reaches_beyond_the_patient() -> None:
    store = Store([{"resourceType": "Observation", "id": "o6", "subject": {"reference": "Patient/p2"}}])
    (version,) = store.of_type("Observation")
    for scopes, sees, bound in ((("patient/*.rs",), False, "p1"), (("patient/*.rs", "user/Observation.rs"), True, None)):
        access = Access(resource_scopes(scopes), "p1")
        assert access.sees("r", version) is sees
        assert access.bound_to("s", "Observation") == bound
        assert access.beyond_one_patient("r", "Observation") is sees


def test_without_authorization_everything_may_be_seen() -> None:
    (version,) = Store([{"resourceType": "Observation", "id": "o6"}]).of_type("Observation")
    access = Access()
    access.require_sight("d", version)
    assert access.beyond_one_patient("r", "Observation")
