"""retrieve: similar cases by the real index, with this patient's own kept out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from agent.nodes.retrieve import Retrieved, find_similar, person_keys, report_text
from agent.nodes.study import Facts, Seen
from agent.parts import Library
from agent.request import ReviewRequest
from fhir.chart import Chart, chart_of
from fhir.study import IdentityCheck, Picture, Study
from retrieval.build import build
from retrieval.cards import Query, SearchResult, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import QueryRefused
from retrieval.keys import Keyring
from retrieval.library import open_library
from sidenote.library import phantom_cases
from tools.med_vlm.fake import SeededReader, abstention
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


READING = SeededReader().read(np.eye(64, dtype=np.float32))


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
    assert keys == {ring.person(name) for name in ("Patient/p", "urn:mrn|MRN1", "urn:old|MRN0", "Patient/old")}
    assert not any("MRN" in key for key in keys)


def test_the_report_alone_can_be_searched_with(library: Library) -> None:
    assert report_text(CHART, seen()) == "Clear lungs."
    assert ask(seen(), library).search is not None


@pytest.mark.parametrize("reading", [None, abstention("m", "f", "unlike")], ids=["not read", "abstained"])
def test_an_image_the_model_did_not_read_is_not_searched_with(library: Library, reading: Reading | None) -> None:
    asked: list[Query] = []

    class Recording:
        def search(self, query: Query) -> SearchResult:
            asked.append(query)
            return library.cases.search(query)

    ask(seen(np.eye(64)), replace(library, cases=Recording()), reading=reading)
    assert [(query.image is None, query.image_hash) for query in asked] == [(True, None)]


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
