"""retrieve: similar cases by the real index, with this patient's own kept out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from agent.nodes.retrieve import Retrieved, find_similar, last_day, person_keys, report_text
from agent.nodes.study import Facts, Seen
from agent.parts import CaseLibrary, Library
from agent.request import ReviewRequest
from fhir.chart import Chart, chart_of
from fhir.study import IdentityCheck, Picture, Study
from retrieval.building.build import build
from retrieval.cards import Filter, Present, Query, SearchResult, SourceCase
from retrieval.deidentify.report import deidentify
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import OtherSite, QueryRefused
from retrieval.keys import Keyring, difference_hash, report_sketch
from retrieval.library import open_library
from sidenote.library import phantom_cases
from tools.med_vlm.asked import asked_of
from tools.med_vlm.doubles.fake import SeededReader, abstention
from tools.med_vlm.reading import Reading

SECRET = b"a secret of at least sixteen bytes"
NOW = datetime(2027, 1, 1, tzinfo=UTC)
PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "identifier": [{"system": "urn:mrn", "value": "MRN1"}, {"system": "urn:old", "value": "MRN0"}],
    "link": [{"other": {"reference": "Patient/old"}, "type": "replaces"}],
}
REPORT = {
    "resourceType": "DiagnosticReport",
    "id": "r",
    "status": "final",
    "subject": {"reference": "Patient/p"},
    "conclusion": "Clear lungs.",
}
CHART = chart_of(PATIENT, [REPORT])
STUDY = Study("ImagingStudy/s", "1.2.3", "ACC1", ("DX",), None, None, None, None, (), ("DiagnosticReport/r",), ())


@pytest.fixture(scope="module")
def cases() -> list[SourceCase]:
    return list(phantom_cases(30))


@pytest.fixture(scope="module")
def ring() -> Keyring:
    return Keyring(SECRET, b"salt of the index")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, cases: list[SourceCase], ring: Keyring) -> Iterator[Library]:
    """A real index in which cases 0, 1 and 2 are the bound patient's own, under three of the patient's names."""
    names = ("urn:mrn|MRN1", "urn:old|MRN0", "Patient/old")
    own = [replace(case, card=replace(case.card, person=ring.person(name))) for case, name in zip(cases, names, strict=False)]
    encoder = HashEncoder()
    folder = tmp_path_factory.mktemp("library")
    build([*own, *cases[len(own) :]], encoder, folder, keyring=ring)
    opened = open_library(folder, encoder.fingerprint)
    yield Library(opened, encoder, opened.keyring(SECRET), 5)
    opened.close()


def seen(*pixels: Any, study: Study | None = STUDY, identity: Any = "match") -> Seen:
    pictures = tuple(Picture(np.asarray(each, np.float32), "a", "dicom", MappingProxyType({"ViewPosition": "PA"})) for each in pixels)
    return Seen(study, Facts(None, identity=IdentityCheck(identity, ())), pictures)


READING = SeededReader().read(asked_of(np.eye(64, dtype=np.float32)))


def ask(what: Seen, library: Library | None, chart: Chart = CHART, reading: Reading | None = READING, as_of: datetime = NOW) -> Retrieved:
    return find_similar(ReviewRequest("p", as_of), chart, what, reading, library)


@pytest.mark.fault(84)
def test_the_patients_own_cases_are_kept_out_under_every_name(library: Library, cases: list[SourceCase]) -> None:
    found = ask(seen(cases[0].image), library).search
    assert found is not None
    assert dict(found.excluded)["same person"] == 3
    own = {case.card.key for case in cases[:3]}
    assert not own & {neighbour.card.key for neighbour in found.neighbours}


def test_a_copy_of_the_image_is_kept_out(library: Library, cases: list[SourceCase]) -> None:
    found = ask(seen(cases[9].image), library).search
    assert found is not None
    assert dict(found.excluded)["near-duplicate image"] >= 1
    assert cases[9].card.key not in {neighbour.card.key for neighbour in found.neighbours}


def test_no_case_is_later_than_the_review(library: Library, cases: list[SourceCase]) -> None:
    as_of = datetime(2018, 1, 1, tzinfo=UTC)
    found = ask(seen(cases[9].image), library, as_of=as_of).search
    assert found is not None
    assert all(neighbour.card.as_of <= as_of.date() for neighbour in found.neighbours)
    assert found.searched < len(cases)


def test_every_name_of_the_patient_has_a_key_and_no_name_stands_in_one(ring: Keyring) -> None:
    keys = person_keys(CHART, ring)
    assert keys == {ring.person(name) for name in ("Patient/p", "urn:mrn|MRN1", "|MRN1", "urn:old|MRN0", "|MRN0", "Patient/old")}
    assert not any("MRN" in key for key in keys)


@pytest.mark.fault(84)
@pytest.mark.parametrize(
    "other",
    [
        {"reference": "Patient/b"},
        {"reference": "Patient/b/_history/3"},
        {"identifier": {"system": "urn:mrn", "value": "M2"}},
        {"reference": "https://elsewhere.example/fhir/Patient/9", "identifier": {"system": "urn:mrn", "value": "M2"}},
    ],
)
def test_a_link_is_followed_however_it_names_the_other_record(ring: Keyring, other: dict[str, Any]) -> None:
    linked = chart_of({"resourceType": "Patient", "id": "a", "link": [{"other": other, "type": "seealso"}]})
    itself = chart_of({"resourceType": "Patient", "id": "b", "identifier": [{"system": "urn:mrn", "value": "M2"}]})
    assert person_keys(linked, ring) & person_keys(itself, ring)


@pytest.mark.fault(84)
def test_the_numbers_in_the_image_name_patient_and_study_too(library: Library, ring: Keyring) -> None:
    tags = {"PatientID": "0042", "OtherPatientIDs": r"OLD-1\OLD-2", "StudyInstanceUID": "1.9.9", "AccessionNumber": "A9"}
    picture = Picture(np.eye(64, dtype=np.float32), "a", "dicom", MappingProxyType({**tags, "ViewPosition": "PA"}))
    query, _ = asked(library, Seen(None, Facts(None), (picture,)))
    assert query.persons >= {ring.person(name) for name in ("|0042", "|42", "|OLD-1", "|OLD-2")}
    assert query.studies == {ring.study("1.9.9"), ring.study("A9")}


@pytest.mark.fault(85)
@pytest.mark.parametrize(
    ("moment", "day"),
    [("2024-03-02T23:00:00+00:00", 2), ("2024-03-02T05:00:00+14:00", 1), ("2024-03-02T23:00:00-05:00", 2)],
)
def test_a_moment_that_is_on_two_days_lets_no_case_of_the_later_in(moment: str, day: int) -> None:
    assert last_day(datetime.fromisoformat(moment)) == date(2024, 3, day)


def test_the_report_alone_can_be_searched_with(library: Library) -> None:
    assert report_text(CHART, seen()) == "Clear lungs."
    assert ask(seen(), library).search is not None


@dataclass
class Recording:
    """The library, with what it was asked."""

    cases: CaseLibrary
    asked: list[Query] = field(default_factory=list)

    def search(self, query: Query) -> SearchResult:
        self.asked.append(query)
        return self.cases.search(query)


def asked(library: Library, what: Seen, **more: Any) -> tuple[Query, Retrieved]:
    """The one query that came to the library, and what was made of its answer."""
    recording = Recording(library.cases)
    found = ask(what, replace(library, cases=recording), **more)
    (query,) = recording.asked
    return query, found


@pytest.mark.parametrize("reading", [None, abstention("m", "f", "unlike")], ids=["not read", "abstained"])
def test_an_image_the_model_did_not_read_is_not_searched_with(library: Library, reading: Reading | None) -> None:
    query, _ = asked(library, seen(np.eye(64)), reading=reading)
    assert query.image is None
    assert query.image_hash == difference_hash(np.eye(64, dtype=np.float32))
    assert query.text is not None


@pytest.mark.fault(84)
def test_names_in_a_report_hide_no_copy_of_it(library: Library) -> None:
    words = "Small left pleural effusion with adjacent atelectasis. Heart size is normal. No pneumothorax is seen on this study."
    plain, named = (
        asked(library, seen(), chart=chart_of(PATIENT, [{**REPORT, "conclusion": text}]), reading=None)[0]
        for text in (words, f"Patient: [NAME]. {words} Electronically signed by Dr. Jane Whitcombe on 03/04/2021 10:11.")
    )
    clean = deidentify(f"Patient: [NAME]. {words} Electronically signed by Dr. Jane Whitcombe on 03/04/2021 10:11.").text
    assert named.report_sketch == report_sketch(clean)
    assert "Whitcombe" not in clean
    assert plain.report_sketch == report_sketch(words)


def test_an_image_that_nothing_is_recognised_by_has_no_hash(library: Library) -> None:
    query, _ = asked(library, seen(np.zeros((64, 64))), reading=None)
    assert query.image_hash is None


def test_the_query_recognises_the_patient_and_copies_under_the_library_s_own_keys(library: Library, ring: Keyring) -> None:
    query, _ = asked(library, seen(np.eye(64)))
    assert query.key_check == ring.check
    assert query.persons >= {ring.person("urn:mrn|MRN1")}
    assert query.studies == {ring.study(name) for name in ("ImagingStudy/s", "1.2.3", "ACC1")}
    assert (query.report_hash, query.report_sketch) == (ring.report("Clear lungs."), report_sketch("Clear lungs."))


def test_the_query_tells_what_is_known_of_the_present_case(library: Library) -> None:
    report = {**REPORT, "conclusion": "Right lower lobe consolidation."}
    chart = chart_of({**PATIENT, "gender": "female", "birthDate": "1960-05-05"}, [report])
    query, found = asked(library, seen(), chart=chart, reading=None)
    assert query.present == Present(
        frozenset({"consolidation"}), frozenset({("consolidation", "right")}), frozenset({("consolidation", "lower lobe")}),
        modality="DX", age_band="60-69", sex="female",
    )  # fmt: skip
    assert found.search is not None
    for near in found.search.neighbours:
        words = (*near.shared, *near.differs)
        assert "radiograph" in near.shared
        assert any("consolidation" in word for word in words)


def test_neighbours_are_of_the_same_kind_and_what_is_not_is_counted(library: Library, cases: list[SourceCase]) -> None:
    chest = replace(STUDY, modality=("CR",), regions=frozenset({"chest"}))
    _, found = asked(library, seen(study=chest))
    assert found.search is not None
    assert found.search.searched == len(cases) - 3
    assert found.only == (
        "modality CR or DR or DX or RG",
        "body part chest",
    )
    _, other = asked(library, seen(study=replace(chest, modality=("CT",))))
    assert other.search is not None
    assert (other.search.searched, other.search.comparable) == (0, False)
    assert dict(other.search.excluded) == {"same person": 3, "other modality": len(cases) - 3}


def test_a_study_that_does_not_say_its_kind_is_compared_with_all(library: Library) -> None:
    query, found = asked(library, seen(study=replace(STUDY, modality=())))
    assert (query.only, found.only) == (Filter(), ())


@pytest.mark.parametrize("text", ["12 345.", "???"])
def test_a_report_without_a_word_is_nothing_to_search_with(library: Library, text: str) -> None:
    done = ask(seen(), library, chart_of(PATIENT, [{**REPORT, "conclusion": text}]))
    assert done.search is None
    assert "neither an image that was read nor a report" in done.note


@pytest.mark.fault(84)
def test_keys_of_another_secret_recognise_nobody_so_nothing_is_searched(library: Library) -> None:
    other = replace(library, keyring=Keyring(b"a secret of another site, as long", library.keyring.salt))
    assert ask(seen(), other) == Retrieved(None, f"similar cases are not available: {OtherSite.code}")


def test_without_a_library_or_anything_to_search_with_it_says_so(library: Library) -> None:
    assert "no case library" in ask(seen(), None).note
    bare = ask(seen(study=None), library, chart_of(PATIENT))
    assert bare.search is None
    assert "neither an image that was read nor a report" in bare.note


def test_a_library_that_fails_is_not_available_and_ends_no_review(library: Library) -> None:
    class Failing:
        def search(self, query: Query) -> SearchResult:
            raise QueryRefused("no")

    done = ask(seen(), replace(library, cases=Failing()))
    assert done.search is None
    assert QueryRefused.code in done.note


def test_an_image_the_keys_refuse_is_no_reason_to_fail(library: Library) -> None:
    done = ask(seen(np.zeros((64, 64))), library)
    assert done.search is None
    assert "not available" in done.note
