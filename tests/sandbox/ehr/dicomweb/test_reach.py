"""Whose images a token reaches."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.ehr.access import Access
from sandbox.ehr.auth.scopes import resource_scopes
from sandbox.ehr.dicomweb.images import Images
from sandbox.ehr.dicomweb.reach import reached, require_images, study_uids
from sandbox.ehr.outcome import Refusal
from sandbox.ehr.store import Store


def access(*scopes: str, patient: str | None = None) -> Access:
    return Access(resource_scopes(scopes), patient)


@pytest.fixture
def store(records: list[dict[str, Any]]) -> Store:
    return Store(records)


def test_a_study_names_itself_by_its_dicom_uid_and_by_nothing_else() -> None:
    identifiers = [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}, {"system": "urn:other", "value": "1.9"}, {"value": "1.8"}]
    assert study_uids({"identifier": identifiers}) == {"1.2.3"}
    assert study_uids({}) == frozenset()


def test_a_token_reaches_the_studies_of_its_patient(images: Images, store: Store) -> None:
    assert reached(images, store, Access()) == ("1.2.3", "1.2.4", "1.2.9")
    assert reached(images, store, access("patient/ImagingStudy.rs", patient="p1")) == ("1.2.3",)
    assert reached(images, store, access("patient/*.rs", patient="p2")) == ("1.2.4",)
    assert reached(images, store, access("user/ImagingStudy.rs")) == ("1.2.3", "1.2.4")
    for nothing in (access(), access("patient/Observation.rs", patient="p1"), access("patient/ImagingStudy.s", patient="p1")):
        with pytest.raises(Refusal) as refused:
            reached(images, store, nothing)
        assert refused.value.status == 403


def test_a_study_whose_record_was_deleted_is_out_of_reach(images: Images, store: Store) -> None:
    store.delete("ImagingStudy", "i1")
    assert reached(images, store, access("patient/*.rs", patient="p1")) == ()


@pytest.mark.parametrize("place", [{"study": "1.2.4"}, {"study": "1.2.9"}, {"study": "1.2.3", "series": "1.2.3.9"}, {"study": ""}])
def test_what_is_out_of_reach_is_not_there(images: Images, store: Store, place: dict[str, str]) -> None:
    with pytest.raises(Refusal, match="no such study") as refused:
        require_images(images, store, access("patient/*.rs", patient="p1"), place)
    assert refused.value.status == 404
