"""Whose is what."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.assemble import chart_from
from fhir.bundles import Document, read_document
from fhir.chart import Chart
from fhir.errors import AnotherPatient, ConflictingCopies, EmptySource, PatientReplaced, UnknownPatient

Body = dict[str, Any]
P1: Body = {"resourceType": "Patient", "id": "p1", "identifier": [{"system": "urn:mrn", "value": "7"}]}
P2: Body = {"resourceType": "Patient", "id": "p2"}


def _observation(name: str, subject: str | Body = "Patient/p1", **more: Any) -> Body:
    link = {"reference": subject} if isinstance(subject, str) else subject
    return {"resourceType": "Observation", "id": name, "status": "final", "code": {"text": "x"}, "subject": link, **more}


def _document(*resources: Body | tuple[str, Body]) -> Document:
    entries = [{"fullUrl": one[0], "resource": one[1]} if isinstance(one, tuple) else {"resource": one} for one in resources]
    return read_document(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode())


@pytest.mark.std("E3")
@pytest.mark.fault(20)
@pytest.mark.parametrize(
    "subject",
    [
        "Patient/p1",
        "Patient/p1/_history/3",
        "https://ehr.example/fhir/Patient/p1",
        "https://ehr.example/fhir/Patient/p1/_history/2",
        {"identifier": {"system": "urn:mrn", "value": "7"}},
    ],
)
def test_every_form_of_reference_resolves_to_the_same_patient(subject: str | Body) -> None:
    document = _document(
        ("https://ehr.example/fhir/Patient/p1", P1), _observation("o1", subject), ("https://ehr.example/fhir/Patient/p2", P2)
    )
    assert [fact.reference for fact in chart_from([document], "p1").facts] == ["Observation/o1"]
    assert chart_from([document], "p2").facts == ()


def test_urn_uuid_references_resolve_within_their_bundle() -> None:
    uuid = "urn:uuid:8b2a"
    document = _document((uuid, {**P1, "id": "p1"}), _observation("o1", uuid), ("urn:uuid:c", {**_observation("o2", uuid)}))
    chart = chart_from([document], "p1")
    assert [fact.id for fact in chart.facts] == ["o1", "o2"]
    assert chart.get(uuid) is chart.patient
    assert chart.resolve("urn:uuid:c") == "Observation/o2"


@pytest.mark.parametrize(
    "subject", ["https://elsewhere.example/fhir/Patient/p1", "Patient?identifier=7", "urn:uuid:nobody", {"display": "P"}, "#in"]
)
def test_a_subject_that_cannot_be_resolved_is_left_out_and_counted(subject: str | Body) -> None:
    chart = chart_from([_document(P1, _observation("o1", subject))], "p1")
    assert chart.facts == ()
    assert chart.manifest.notes == ("1 Observation left out: not of a patient, or of one that cannot be told",)


@pytest.mark.fault(12)
@pytest.mark.parametrize(
    "stranger",
    [
        _observation("o2", "Patient/p2"),
        {**_observation("o2"), "subject": [{"reference": "Patient/p1"}, {"reference": "Patient/p2"}]},
        {"resourceType": "Coverage", "id": "c", "beneficiary": {"reference": "Patient/p2"}},
        {"resourceType": "AllergyIntolerance", "id": "a", "patient": {"reference": "Patient/p2"}},
        {**_observation("o2"), "contained": [{"resourceType": "Observation", "id": "i", "subject": {"reference": "Patient/p2"}}]},
        {"resourceType": "Appointment", "id": "t", "participant": [{"actor": {"reference": "Patient/p2"}}]},
    ],
)
def test_a_bundle_of_one_patient_with_another_patients_fact_is_refused_whole(stranger: Body) -> None:
    document = _document(P1, _observation("o1"), stranger)
    with pytest.raises(AnotherPatient, match="entry 3") as caught:
        chart_from([document], "p1")
    assert "p2" not in str(caught.value)


def test_an_intruder_in_another_patients_bundle_refuses_the_case_too() -> None:
    with pytest.raises(AnotherPatient):
        chart_from([_document(P1, _observation("o1")), _document(P2, _observation("o9"))], "p1")


def test_a_source_of_one_patient_refuses_another_in_any_of_its_files() -> None:
    documents = [_document(P1), _document(_observation("o1"), _observation("o2", "Patient/p2"))]
    assert len(chart_from(documents, "p1").facts) == 1
    with pytest.raises(AnotherPatient):
        chart_from(documents, "p1", sole=True)


@given(st.lists(st.sampled_from(["p1", "p2", "p3"]), max_size=12))
@pytest.mark.fault(12)
def test_of_a_source_of_several_patients_each_chart_holds_its_own_and_no_more(owners: list[str]) -> None:
    facts = [_observation(f"o{n}", f"Patient/{owner}") for n, owner in enumerate(owners)]
    document = _document(P1, P2, {**P2, "id": "p3"}, *facts)
    for person in ("p1", "p2", "p3"):
        chart = chart_from([document], f"Patient/{person}")
        assert {fact.id for fact in chart.facts} == {f"o{n}" for n, owner in enumerate(owners) if owner == person}
        assert all(fact.body["subject"]["reference"] == f"Patient/{person}" for fact in chart.facts)


def test_shared_resources_come_along_only_when_named_and_in_turn() -> None:
    named = {"resourceType": "PractitionerRole", "id": "r", "organization": {"reference": "Organization/o"}}
    shared = [{"resourceType": "Organization", "id": "o"}, {"resourceType": "Organization", "id": "unnamed"}, named]
    document = _document(P1, P2, *shared, _observation("o1", performer=[{"reference": "PractitionerRole/r"}]))
    assert {fact.reference for fact in chart_from([document], "p1").facts} == {"Observation/o1", "PractitionerRole/r", "Organization/o"}
    assert chart_from([document], "p2").facts == ()


def test_the_same_bytes_twice_are_one_fact() -> None:
    document = _document(P1, _observation("o1"))
    assert len(chart_from([document, document], "p1").facts) == 1


def test_the_newer_of_two_versions_stands_in_either_order() -> None:
    old = _observation("o1", meta={"versionId": "9"}, valueInteger=1)
    new = _observation("o1", meta={"versionId": "10"}, valueInteger=2)
    for pair in ((old, new), (new, old)):
        (fact,) = chart_from([_document(P1, *pair)], "p1").facts
        assert fact.version == "10"
        assert fact.body["valueInteger"] == 2


def test_two_contents_in_one_version_are_refused() -> None:
    with pytest.raises(ConflictingCopies, match="Observation"):
        chart_from([_document(P1, _observation("o1", valueInteger=1), _observation("o1", valueInteger=2))], "p1")


def test_only_white_space_between_two_copies_is_no_conflict() -> None:
    loose = read_document(json.dumps(_observation("o1"), indent=3).encode())
    assert len(chart_from([_document(P1, _observation("o1")), loose], "p1").facts) == 1


def test_an_unknown_patient_and_an_empty_source_are_told_apart() -> None:
    with pytest.raises(UnknownPatient) as caught:
        chart_from([_document(P1)], "p77")
    assert "p77" not in str(caught.value)
    with pytest.raises(EmptySource):
        chart_from([_document()], "p1")


def test_a_page_of_a_searchset_is_complete_for_no_type() -> None:
    page = read_document(json.dumps({"resourceType": "Bundle", "type": "searchset", "total": 9, "entry": [{"resource": P1}]}).encode())
    manifest = chart_from([page], "p1").manifest
    assert manifest.state("MedicationRequest") == "truncated"


def test_a_fact_without_an_id_is_kept_named_and_marked() -> None:
    body = _observation("x")
    del body["id"]
    chart = chart_from([_document(P1, body)], "p1")
    assert chart.quality[0].code == "no_id"
    assert chart.quality[0].reference == chart.facts[0].reference


@pytest.mark.fault(20)
@pytest.mark.parametrize(
    "lost",
    [
        {"reference": "https://elsewhere.example/fhir/Patient/p1"},
        {"reference": "Patient/p1", "identifier": {"system": "urn:mrn", "value": "8"}},
        {"display": "somebody"},
    ],
    ids=["another base", "a reference and an identifier of two people", "a name alone"],
)
def test_what_may_be_of_the_patient_and_was_left_out_makes_its_type_incomplete(lost: Body) -> None:
    other = {**P2, "identifier": [{"system": "urn:mrn", "value": "8"}]}
    chart = chart_from([_document(P1, other, _observation("o1", lost))], "p1")
    assert chart.facts == ()
    assert chart.manifest.state("Observation") == "truncated"
    assert chart.manifest.state("Condition") == "complete"


def test_an_identifier_that_two_people_share_names_neither() -> None:
    document = _document(P1, {**P2, "identifier": P1["identifier"]}, _observation("o1", {"identifier": P1["identifier"][0]}))
    assert chart_from([document], "p1").facts == chart_from([document], "p2").facts == ()


@pytest.mark.fault(18)
def test_a_relative_reference_holds_at_the_address_of_its_own_resource() -> None:
    here, there = "https://a.example/fhir", "https://b.example/fhir"
    document = _document((f"{here}/Patient/p1", P1), (f"{there}/Observation/o1", _observation("o1")), (f"{here}/Patient/p2", P2))
    assert chart_from([document], "p1").facts == ()


@pytest.mark.fault(20)
def test_an_absolute_reference_names_nothing_at_a_base_that_does_not_hold_it() -> None:
    here, there = "https://a.example/fhir", "https://b.example/fhir"
    other = (f"{there}/Flag/f", {"resourceType": "Flag", "id": "f", "subject": {"reference": f"{there}/Patient/q"}})
    document = _document((f"{here}/Patient/p1", P1), (f"{here}/Patient/p2", P2), other, _observation("o1", f"{there}/Patient/p1"))
    assert chart_from([document], "p1").facts == ()


@pytest.mark.parametrize(
    "others",
    [
        [("https://b.example/fhir/Patient/p1", {**P1, "meta": {"lastUpdated": "2026-01-01T00:00:00Z"}})],
        [{**P1, "birthDate": "1990-01-01", "meta": {"lastUpdated": "2026-01-01T00:00:00Z"}}],
    ],
    ids=["at two addresses", "of another birth date"],
)
def test_two_people_of_one_id_are_refused_and_the_newer_does_not_win(others: list[Any]) -> None:
    mine = ("https://a.example/fhir/Patient/p1", {**P1, "birthDate": "1950-02-03"})
    with pytest.raises(ConflictingCopies):
        chart_from([_document(mine), _document(*others)], "p1")


def test_a_more_exact_copy_of_the_patient_is_the_same_person() -> None:
    newer = {**P1, "birthDate": "1950-02-03", "meta": {"lastUpdated": "2026-01-01T00:00:00Z"}}
    chart = chart_from([_document({**P1, "birthDate": "1950"}), _document(newer)], "p1")
    assert chart.patient.body["birthDate"] == "1950-02-03"


def test_a_binary_whose_security_context_is_somebody_else_does_not_come_along() -> None:
    document = {"resourceType": "DocumentReference", "id": "d", "status": "current", "subject": {"reference": "Patient/p1"},
                "content": [{"attachment": {"url": "Binary/b"}}], "context": {"related": [{"reference": "Binary/b"}]}}  # fmt: skip
    binary = {"resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "YQ=="}
    others = {**binary, "securityContext": {"reference": "Patient/p2"}}
    assert "Binary/b" in {fact.reference for fact in chart_from([_document(P1, P2, document, binary)], "p1").facts}
    assert "Binary/b" not in {fact.reference for fact in chart_from([_document(P1, P2, document, others)], "p1").facts}


BASE = "https://ehr.example/fhir"


@pytest.mark.fault(12)
def test_what_stands_at_another_base_beside_the_servers_own_is_of_that_bases_patient(observation: Callable[..., Body]) -> None:
    def pulled(base: str) -> Chart:
        resources = [{"resourceType": "Patient", "id": "p1"}, observation("o1"), observation("o2")]
        urls = (None, f"{BASE}/Observation/o1", f"{base}/Observation/o2")
        entry = [{"resource": one, **({"fullUrl": url} if url else {})} for one, url in zip(resources, urls, strict=True)]
        page = read_document(json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entry}).encode())
        return chart_from([page], "p1", sole=True, source="server", pulled=(("Observation", "complete"),), base=BASE)

    assert {fact.id for fact in pulled(BASE).facts} == {"o1", "o2"}
    mixed = pulled("https://other.example/fhir")
    assert {fact.id for fact in mixed.facts} == {"o1"}
    assert mixed.manifest.state("Observation") == "truncated"


@pytest.mark.fault(12)
@pytest.mark.parametrize("kind", ["replaced-by", "replaces", "seealso", "refer"])
def test_a_record_that_was_merged_into_another_is_refused_and_any_other_link_is_told(
    bundle: Callable[..., bytes], patient: Body, kind: str
) -> None:
    linked = {**patient, "link": [{"other": {"reference": "Patient/p9"}, "type": kind}]}
    document = read_document(bundle(linked))
    if kind == "replaced-by":
        with pytest.raises(PatientReplaced):
            chart_from([document], "p1")
    else:
        assert chart_from([document], "p1").manifest.notes == ("1 other records of the patient are linked and were not read",)


@pytest.mark.fault(12)
def test_a_device_of_nobody_is_the_patients_only_when_a_fact_names_it(
    bundle: Callable[..., bytes], patient: Body, observation: Callable[..., Body]
) -> None:
    pacemaker = {"resourceType": "Device", "id": "d1", "type": {"text": "cardiac pacemaker"}}
    in_stock = chart_from([read_document(bundle(patient, pacemaker))], "p1", sole=True)
    assert in_stock.facts == ()
    assert in_stock.manifest.state("Device") == "truncated"
    measured = chart_from(
        [read_document(bundle(patient, pacemaker, observation("o1", device={"reference": "Device/d1"})))], "p1", sole=True
    )
    assert {fact.id for fact in measured.facts} == {"o1", "d1"}
    assert measured.manifest.state("Device") == "complete"
    own = chart_from([read_document(bundle(patient, {**pacemaker, "patient": {"reference": "Patient/p1"}}))], "p1", sole=True)
    assert {fact.id for fact in own.facts} == {"d1"}


def test_references_whose_slashes_are_escaped_are_followed(bundle: Callable[..., bytes], patient: Body) -> None:
    request = {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "subject": {"reference": "Patient/p1"},
        "medicationReference": {"reference": "Medication/drug"},
    }
    drugs = [{"resourceType": "Medication", "id": name} for name in ("drug", "unrelated")]
    text = bundle(patient, {**patient, "id": "p2"}, request, *drugs).replace(b"/", b"\\/")
    assert {fact.reference for fact in chart_from([read_document(text)], "p1").facts} == {"MedicationRequest/m1", "Medication/drug"}
