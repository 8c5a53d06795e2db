"""The application as a whole."""

from __future__ import annotations

import httpx

from sandbox.ehr.app import hospital_app
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.serve import running
from sandbox.ehr.store import Store


def test_the_application_knows_its_hospital_and_can_be_served() -> None:
    app = hospital_app(Store([{"resourceType": "Patient", "id": "p1"}]), origin="http://ehr.test")
    assert isinstance(app.state.hospital, Hospital)
    assert app.state.hospital.base == "http://ehr.test/fhir"
    with running(app) as ehr:
        assert ehr.hospital is app.state.hospital
        assert httpx.get(f"{ehr.base}/Patient/p1").status_code == 200


def test_a_failure_of_the_server_itself_is_an_outcome_too() -> None:
    store = Store()
    store.put("Binary", "b1", {"resourceType": "Binary", "data": "é"})
    with running(store) as ehr:
        answer = httpx.get(f"{ehr.base}/Binary/b1", headers={"Accept": "text/plain"})
    assert answer.status_code == 500
    assert answer.json()["issue"][0]["code"] == "exception"
