"""A FHIR source becomes cases of those who consent, and the review of a patient finds none of that patient's own."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from agent.nodes.retrieve import build_query, person_keys, report_text, study_keys
from agent.nodes.study import Facts, Seen
from agent.parts import Library
from agent.request import ReviewRequest
from fhir.files import read_chart
from fhir.imaging import studies
from retrieval.building.build import build
from retrieval.cards import Rejected, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import BadArchive
from retrieval.keys import Keyring
from retrieval.library import open_library
from sandbox.ehr.serve import running
from sandbox.ehr.store import Store
from sandbox.patients.hospital import stories
from sandbox.patients.story import CLOCK
from sidenote.archives.consent import FolderTerms
from sidenote.archives.fhir import FhirArchive
from tools.labeler import label

TERMS = FolderTerms("broad consent 2019", "CC-BY-4.0", "lindenhof")


@pytest.fixture(scope="module")
def found(hospital: Path, keyring: Keyring) -> list[SourceCase | Rejected]:
    """The pretend hospital's files, read once."""
    return list(FhirArchive(str(hospital), TERMS).cases(keyring, label=label))


def _cases(found: list[SourceCase | Rejected]) -> list[SourceCase]:
    return [one for one in found if isinstance(one, SourceCase)]


def test_each_study_of_the_pretend_hospital_is_a_case_or_rejected_with_a_reason(hospital: Path, found: list[SourceCase | Rejected]) -> None:
    everyone = [studies(read_chart(hospital, story.person.id)) for story in stories()]
    assert len(found) == sum(map(len, everyone))
    assert len(_cases(found)) >= 15
    assert {one.reason for one in found if isinstance(one, Rejected)} <= {
        "image carries another patient's identity",
        "study has no report",
        "study has no image",
    }
    assert "image carries another patient's identity" in {one.reason for one in found if isinstance(one, Rejected)}


def test_a_case_holds_what_the_record_says_and_nobody_s_name(found: list[SourceCase | Rejected]) -> None:
    names = {word for story in stories() for word in (story.person.family, story.person.given, story.person.mrn)}
    for case in _cases(found):
        card = case.card
        assert (card.modality, card.body_part, card.site, card.licence) == ("DX", "CHEST", "lindenhof", "CC-BY-4.0")
        assert card.view in ("PA", "AP")
        assert card.sex in ("female", "male")
        assert card.age_band != "unknown"
        assert [name for name in names if name in repr(card)] == []
    assert len({case.card.key for case in _cases(found)}) == len(_cases(found))
    assert any(finding.key == "pleural_effusion" for case in _cases(found) for finding in case.card.findings)


@pytest.mark.fault(84)
def test_the_review_of_a_patient_is_asked_with_the_keys_of_that_patient_s_cases(
    hospital: Path, found: list[SourceCase | Rejected], keyring: Keyring
) -> None:
    """What `agent.nodes.retrieve` asks with must be what this archive wrote, or "same person" fails in silence."""
    own: dict[str, set[str]] = {}
    for story in stories():
        chart = read_chart(hospital, story.person.id)
        asked = person_keys(chart, keyring)
        mine = [case for case in _cases(found) if asked & {case.card.person, *case.card.linked}]
        assert all({case.card.person, *case.card.linked} == asked for case in mine)
        own[story.person.id] = {case.card.key for case in mine}
        of_studies = {key for study in studies(chart) for key in study_keys(Seen(study, Facts(study.reference)), keyring)}
        assert {case.card.study for case in mine} <= of_studies
    assert sum(map(len, own.values())) == len(_cases(found)) == len(set().union(*own.values()))


def test_a_server_gives_the_same_cases_as_its_files(hospital: Path, found: list[SourceCase | Rejected], keyring: Keyring) -> None:
    told = [story for story in stories() if story.person.id in ("heart-failure", "laterality")]
    resources = [_held(one, hospital) for story in told for one in story.resources]
    with running(Store(resources)) as ehr:
        archive = FhirArchive(ehr.base, TERMS)
        assert archive.note.words == "a FHIR source of 2 patients"
        served = list(archive.cases(keyring, label=label))
    wanted = {keyring.person(f"Patient/{story.person.id}") for story in told}
    assert _cases(served)
    assert [case.card for case in _cases(served)] == [case.card for case in _cases(found) if case.card.person in wanted]


def _held(resource: dict[str, Any], hospital: Path) -> dict[str, Any]:
    """A resource whose attached file stands in it, since a server has no folder beside it."""
    text = json.dumps(resource)
    if "images/" not in text:
        return resource
    made: dict[str, Any] = json.loads(text)
    for content in made.get("content", []):
        attachment = content["attachment"]
        if str(attachment.get("url", "")).startswith("images/"):
            attachment["data"] = base64.b64encode((hospital / attachment.pop("url")).read_bytes()).decode()
    return made


def test_the_kit_s_fabricated_links_become_cases(kit: Path, tmp_path: Path, keyring: Keyring) -> None:
    name = sorted((kit / "fhir_overlay").glob("*.json"))[0].name
    folder = tmp_path / "kit"
    for part in ("fhir", "fhir_overlay"):
        (folder / part).mkdir(parents=True)
        (folder / part / name).write_bytes((kit / part / name).read_bytes())
    (folder / "images").symlink_to(kit / "images")
    out = list(FhirArchive(str(folder), TERMS).cases(keyring, label=label))
    assert out
    assert all(isinstance(one, (SourceCase, Rejected)) for one in out)


def _bundle(tmp_path: Path, *resources: dict[str, Any]) -> str:
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}))
    return str(path)


def _patient(made: Any, **study: Any) -> Iterator[dict[str, Any]]:
    own = {"subject": {"reference": "Patient/p"}}
    pixels = made.radiograph(7, IssuerOfPatientID="", StudyInstanceUID="1.2.3", AccessionNumber="")
    image = {"contentType": "application/dicom", "data": base64.b64encode(pixels).decode()}
    yield {
        "resourceType": "Patient",
        "id": "p",
        "gender": "female",
        "birthDate": "1960-02-03",
        "identifier": [{"system": "urn:mrn", "value": "P-1"}],
        "link": [{"other": {"reference": "Patient/q"}, "type": "seealso"}],
    }
    uid = [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}]
    yield {"resourceType": "ImagingStudy", "id": "s", "status": "available", "started": "2023-05-08", "identifier": uid, **own, **study}
    here = {"reference": "ImagingStudy/s"}
    said = {"code": {"text": "Chest"}, "conclusion": "Left pleural effusion."}
    yield {"resourceType": "DiagnosticReport", "id": "r", "status": "final", "imagingStudy": [here], **said, **own}
    shown = {"content": [{"attachment": image}], "context": {"related": [here]}}
    yield {"resourceType": "DocumentReference", "id": "d", "status": "current", **shown, **own}


@pytest.mark.fault(84)
def test_linked_patients_and_identifiers_are_keys_of_the_case(tmp_path: Path, made: Any, keyring: Keyring) -> None:
    (case,) = FhirArchive(_bundle(tmp_path, *_patient(made)), TERMS).cases(keyring, label=label)
    assert isinstance(case, SourceCase)
    assert case.card.person == keyring.person("Patient/p")
    assert set(case.card.linked) >= {keyring.person(name) for name in ("urn:mrn|P-1", "Patient/q")}
    assert case.card.study == keyring.study("1.2.3")
    assert (case.card.as_of, case.card.age_band) == (date(2023, 5, 8), "60-69")


@pytest.mark.parametrize(
    ("study", "day"),
    [({"started": "2023-05-08T23:30:00-05:00"}, date(2023, 5, 9)), ({"started": "2023-05-08T23:30:00+05:00"}, date(2023, 5, 8))],
)
def test_a_study_at_night_counts_as_of_the_later_day(tmp_path: Path, made: Any, keyring: Keyring, study: dict[str, Any], day: date) -> None:
    (case,) = FhirArchive(_bundle(tmp_path, *_patient(made, **study)), TERMS).cases(keyring, label=label)
    assert isinstance(case, SourceCase)
    assert case.card.as_of == day


@pytest.mark.parametrize("started", [None, "2023", "2023-05"])
def test_a_study_without_a_day_is_rejected(tmp_path: Path, made: Any, keyring: Keyring, started: str | None) -> None:
    study = list(_patient(made, started=started))
    if started is None:
        del study[1]["started"]
    assert list(FhirArchive(_bundle(tmp_path, *study), TERMS).cases(keyring, label=label)) == [
        Rejected("study date is missing", "patient 1, study 1")
    ]


def test_consent_comes_from_the_record_and_the_licence_from_who_builds(tmp_path: Path, made: Any, keyring: Keyring) -> None:
    scope = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]}
    consent = {"resourceType": "Consent", "id": "c", "status": "active", "patient": {"reference": "Patient/p"}, "scope": scope,
               "provision": {"type": "permit"}}  # fmt: skip
    (case,) = FhirArchive(_bundle(tmp_path, *_patient(made), consent), FolderTerms(licence="site use")).cases(keyring, label=label)
    assert isinstance(case, SourceCase)
    assert case.card.consent == "FHIR Consent (research), active and permitting"
    denied = {**consent, "provision": {"type": "deny"}}
    unsaid = "consent or licence is not stated"
    for resources, terms, reason in (
        ([*_patient(made), denied], TERMS, "consent is denied, or given with exceptions"),
        ([*_patient(made)], FolderTerms(licence="site use"), unsaid),
        ([*_patient(made), consent], FolderTerms(), unsaid),
    ):
        found = list(FhirArchive(_bundle(tmp_path, *resources), terms).cases(keyring, label=label))
        assert found == [Rejected(reason, "patient 1, study 1")]


def test_a_patient_whose_record_cannot_be_read_stops_nobody(tmp_path: Path, made: Any, keyring: Keyring) -> None:
    one = {"resourceType": "Observation", "id": "o", "meta": {"versionId": "1"}, "status": "final", "subject": {"reference": "Patient/a"}}
    clash = [{**one, "code": {"text": text}} for text in ("one", "other")]
    source = _bundle(tmp_path, {"resourceType": "Patient", "id": "a"}, *clash, *_patient(made))
    broken, whole = FhirArchive(source, TERMS).cases(keyring, label=label)
    assert isinstance(broken, Rejected)
    assert (broken.where, broken.reason.partition(":")[0]) == ("patient 1", "record cannot be read")
    assert isinstance(whole, SourceCase)


def test_the_fingerprint_tells_a_change_of_the_files(tmp_path: Path, made: Any) -> None:
    source = _bundle(tmp_path, *_patient(made))
    note = FhirArchive(source, TERMS).note
    assert (note.words, note.total) == ("a FHIR source of 1 patients", None)
    assert FhirArchive(source, TERMS).note == note
    _bundle(tmp_path, *_patient(made, started="2023-05-09"), {"resourceType": "Basic", "id": "more", "code": {"text": "x"}})
    assert FhirArchive(source, TERMS).note.fingerprint != note.fingerprint


def test_a_source_without_a_patient_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArchive):
        _ = FhirArchive(_bundle(tmp_path, {"resourceType": "Basic", "id": "b", "code": {"text": "x"}}), TERMS).note


@pytest.mark.fault(84)
def test_a_library_built_of_the_source_leaves_a_patient_s_own_cases_out_of_their_review(
    tmp_path: Path, hospital: Path, found: list[SourceCase | Rejected], keyring: Keyring
) -> None:
    """The whole way: archive, build, open, and the query that a review builds."""
    encoder = HashEncoder(32)
    build(found, encoder, tmp_path / "library", keyring=keyring)
    opened = open_library(tmp_path / "library", encoder.fingerprint)
    library = Library(opened, encoder, keyring, 3)
    searched = 0
    for story in stories():
        chart = read_chart(hospital, story.person.id)
        own = [case for case in _cases(found) if case.card.person == keyring.person(f"Patient/{story.person.id}")]
        for study in studies(chart)[:1] if own else ():
            seen = Seen(study, Facts(study.reference))
            asked = ReviewRequest(story.person.id, CLOCK)
            query = build_query(asked, chart, seen, library, reading=None, pixels=None, report=report_text(chart, seen))
            result = opened.search(query)
            assert dict(result.excluded)["same person"] == len(own)
            assert not {case.card.key for case in own} & {one.card.key for one in result.neighbours}
            searched += 1
    opened.close()
    assert searched >= 12
