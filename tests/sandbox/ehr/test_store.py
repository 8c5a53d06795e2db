"""The store: versions, compartments, bundles, all or nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from fhir.jsontext import loads
from sandbox.ehr.store import Store, instant

Body = dict[str, Any]
NOON = datetime(2026, 1, 1, 12, 0, 0, 5000, UTC)


def patient(id_: str = "p1", **more: Any) -> Body:
    return {"resourceType": "Patient", "id": id_, **more}


def test_a_version_is_numbered_dated_and_keeps_the_digits_it_was_given() -> None:
    store = Store(clock=lambda: NOON)
    given = loads(b'{"resourceType":"Observation","id":"o1","valueQuantity":{"value":1.00}}')
    version = store.put("Observation", "o1", given)
    assert b'"value":1.00' in version.raw
    assert json.loads(version.raw)["meta"] == {"versionId": "1", "lastUpdated": "2026-01-01T12:00:00.005Z"}
    assert store.put("Observation", "o1", given).etag == 'W/"2"'
    assert [each.number for each in store.history("Observation", "o1")] == [1, 2]


def test_what_is_loaded_keeps_the_time_it_brings_and_never_changes_with_the_callers_data() -> None:
    given = patient(meta={"lastUpdated": "2020-01-01T00:00:00Z", "source": "s"}, name=[{"family": "A"}])
    store = Store([given])
    given["name"][0]["family"] = "B"
    version = store.read("Patient", "p1")
    assert version is not None
    assert version.updated == datetime(2020, 1, 1, tzinfo=UTC)
    assert version.body["meta"]["source"] == "s"
    assert version.body["name"] == [{"family": "A"}]


@pytest.mark.parametrize(("type_", "id_"), [("Patient", "a_b"), ("Patient", ""), ("Patient", "x" * 65), ("Observation", "p1")])
def test_what_is_no_resource_of_that_type_and_id_is_refused(type_: str, id_: str) -> None:
    with pytest.raises(ValueError, match="with an id"):
        Store().put(type_, id_, patient())


def test_a_deleted_resource_is_gone_from_lists_and_stands_in_its_history() -> None:
    store = Store([patient(), {"resourceType": "Observation", "id": "o1", "subject": {"reference": "Patient/p1"}}])
    gone = store.delete("Observation", "o1")
    assert gone is not None
    assert gone.deleted
    assert store.delete("Observation", "o1") == gone, "a second time nothing happens"
    assert store.delete("Observation", "o2") is None
    assert list(store.of_type("Observation")) == []
    assert [each.local for each in store.of_patient("p1")] == ["Patient/p1"]
    assert store.current("Observation/o1") is None
    assert store.types() == ("Patient",)
    assert [each.local for each in store.deletions()] == ["Observation/o1"]
    store.put("Observation", "o1", {"resourceType": "Observation"})
    assert [each.number for each in store.of_type("Observation")] == [3]
    assert list(store.deletions()) == []


def test_a_resource_that_moves_to_another_patient_leaves_the_first_ones_compartment() -> None:
    store = Store([patient("p1"), patient("p2")])
    for owner in ("p1", "p2"):
        store.put("Observation", "o1", {"resourceType": "Observation", "subject": {"reference": f"Patient/{owner}"}})
    assert [each.type for each in store.of_patient("p1")] == ["Patient"]
    assert [each.type for each in store.of_patient("p2", "Observation")] == ["Observation"]


def test_references_inside_a_loaded_bundle_become_local_ones() -> None:
    uuid = "3f0c3e4e-0000-4000-8000-000000000001"
    store = Store([{"resourceType": "Practitioner", "id": "dr", "identifier": [{"system": "npi", "value": "9"}]}])
    observation = {
        "resourceType": "Observation",
        "subject": {"reference": f"urn:uuid:{uuid}"},
        "performer": [{"reference": "Practitioner?identifier=npi|9"}, {"reference": "Practitioner?identifier=npi|8"}],
    }
    entries = [
        {"fullUrl": f"urn:uuid:{uuid}", "resource": {"resourceType": "Patient"}},
        {"fullUrl": "urn:uuid:b", "resource": observation},
        {"request": {"method": "DELETE", "url": "Patient/x"}},
    ]
    store.load([{"resourceType": "Bundle", "type": "transaction", "entry": entries}])
    (found,) = store.of_patient(uuid, "Observation")
    assert found.id == "b"
    assert [each["reference"] for each in found.body["performer"]] == ["Practitioner/dr", "Practitioner?identifier=npi|8"]


def test_a_snapshot_brings_everything_back() -> None:
    store = Store([patient()])
    restore = store.snapshot()
    store.put("Patient", "p2", patient("p2"))
    store.put("Patient", "p1", patient(active=False))
    store.delete("Patient", "p1")
    restore()
    assert [each.local for each in store.everything()] == ["Patient/p1"]
    assert len(store.history("Patient", "p1")) == 1
    assert [each.local for each in store.of_patient("p1")] == ["Patient/p1"]


def test_an_instant_is_written_to_the_millisecond_in_utc() -> None:
    assert instant(datetime.fromisoformat("2024-01-01T01:00:00.9999+01:00")) == "2024-01-01T00:00:00.999Z"
