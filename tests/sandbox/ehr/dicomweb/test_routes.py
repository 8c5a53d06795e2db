"""The image server over HTTP: under the same tokens as FHIR, and as others' clients ask it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session
from PIL import Image

from fhir.access import Access
from fhir.imaging import studies
from fhir.server import ServerSource
from sandbox.ehr.serve import Running

Get = Callable[..., httpx.Response]
DICOM = 'multipart/related; type="application/dicom"'
INSTANCE = "/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1"


@pytest.fixture
def theirs(pacs: Running) -> DICOMwebClient:
    """The client of the dicomweb-client project, with a token of p1."""
    session = create_session()
    session.headers["Authorization"] = f"Bearer {pacs.auth.issue('patient/ImagingStudy.rs', patient='p1')}"
    return DICOMwebClient(pacs.hospital.dicomweb, session=session)


@pytest.mark.std("D2")
def test_dicomweb_client_finds_the_one_study_the_token_reaches(theirs: Any) -> None:
    (found,) = theirs.search_for_studies()
    told = pydicom.Dataset.from_json(found)
    assert (told.StudyInstanceUID, told.ModalitiesInStudy, told.NumberOfStudyRelatedInstances) == ("1.2.3", ["DX", "XA"], 3)
    assert theirs.search_for_studies(search_filters={"PatientID": "MRN-1.2.4"}) == []
    assert len(theirs.search_for_series("1.2.3", search_filters={"Modality": "XA"})) == 1
    assert len(theirs.search_for_instances("1.2.3", limit=2, offset=1)) == 2


@pytest.mark.std("D1")
def test_dicomweb_client_gets_the_files_to_the_byte(theirs: Any, files: tuple[bytes, ...]) -> None:
    def saved(dataset: pydicom.Dataset) -> bytes:
        out = io.BytesIO()
        dataset.save_as(out, enforce_file_format=True)
        return out.getvalue()

    assert [saved(each) for each in theirs.retrieve_study("1.2.3")] == list(files[:3])
    assert saved(theirs.retrieve_instance("1.2.3", "1.2.3.1", "1.2.3.1.2")) == files[1]
    assert len(theirs.retrieve_series("1.2.3", "1.2.3.2")) == 1


@pytest.mark.std("D1")
def test_dicomweb_client_gets_metadata_frames_and_a_picture(theirs: Any) -> None:
    (described,) = theirs.retrieve_series_metadata("1.2.3", "1.2.3.2")
    assert pydicom.Dataset.from_json(described).NumberOfFrames == 2
    assert "7FE00010" not in described
    frames = theirs.retrieve_instance_frames("1.2.3", "1.2.3.2", "1.2.3.2.1", [2, 1], media_types=("application/octet-stream",))
    assert [int(np.frombuffer(each, dtype="<u2")[0]) for each in frames] == [48, 0]
    picture = theirs.retrieve_instance_rendered("1.2.3", "1.2.3.1", "1.2.3.1.1", media_types=("image/png",), params={"viewport": "16,16"})
    assert Image.open(io.BytesIO(picture)).size == (16, 12)


@pytest.mark.parametrize(
    ("scope", "patient", "status"),
    [
        (None, None, 401),
        ("patient/Observation.rs", "p1", 403),
        ("patient/ImagingStudy.rs", "p2", 404),
        ("patient/ImagingStudy.rs", "p1", 200),
        ("user/ImagingStudy.rs", None, 200),
        ("user/*.rs", None, 200),
        ("patient/ImagingStudy.s", "p1", 403),
        ("patient/ImagingStudy.rs?status=cancelled", "p1", 404),
    ],
)
@pytest.mark.parametrize("rest", ["", "/metadata", "/rendered", "/frames/1"])
@pytest.mark.std("D1")
def test_images_are_reached_as_far_as_the_imaging_study_is(
    get: Get, rest: str, scope: str | None, patient: str | None, status: int
) -> None:
    answer = get(INSTANCE + rest, scope=scope, patient=patient)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    if status == 403:
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_anothers_study_is_answered_as_one_that_is_not_there(get: Get) -> None:
    for rest in ("", "/metadata", "/series/1.2.4.1/instances/1.2.4.1.1/rendered"):
        others, nobodys = get(f"/studies/1.2.4{rest}"), get(f"/studies/1.2.77{rest}")
        assert (others.status_code, others.content) == (nobodys.status_code, nobodys.content)
        assert others.status_code == 404
    assert get("/studies/1.2.4/series").status_code == 204


def test_what_the_record_does_not_know_only_an_open_server_shows(get: Get, open_pacs: Running) -> None:
    assert get("/studies/1.2.9", scope="user/*.rs", patient=None).status_code == 404
    listed = httpx.get(f"{open_pacs.hospital.dicomweb}/studies", timeout=60).json()
    assert [each["0020000D"]["Value"] for each in listed] == [["1.2.3"], ["1.2.4"], ["1.2.9"]]


@pytest.mark.std("D2")
def test_no_match_is_204_and_more_matches_than_shown_are_warned_of(get: Get) -> None:
    none = get("/studies", params={"AccessionNumber": "A-9"})
    assert (none.status_code, none.content) == (204, b"")
    page = get("/studies/1.2.3/instances", params={"limit": "2", "fuzzymatching": "true"})
    assert (page.status_code, len(page.json())) == (200, 2)
    assert "There are 1 additional results" in page.headers["warning"]
    assert "fuzzymatching" in page.headers["warning"]
    assert "warning" not in get("/studies/1.2.3/instances", params={"offset": "1"}).headers
    assert get("/studies", params={"StudyTime": "10"}).status_code == 400


def test_retrieve_urls_lead_back_here(get: Get, pacs: Running) -> None:
    (first, *_) = get("/studies/1.2.3/instances").json()
    assert first["00081190"]["Value"] == [f"{pacs.hospital.dicomweb}{INSTANCE}"]


@pytest.mark.std("D1")
@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        (INSTANCE, DICOM, 200),
        (INSTANCE, f"{DICOM}; transfer-syntax=*", 200),
        (INSTANCE, f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.90", 406),
        (INSTANCE, "application/dicom", 200),
        (INSTANCE, "application/dicom+json", 406),
        ("/studies/1.2.3", "application/dicom", 406),
        (f"{INSTANCE}/metadata", "application/dicom+json", 200),
        (f"{INSTANCE}/metadata", "application/dicom+xml", 406),
        (f"{INSTANCE}/rendered", "image/png", 200),
        (f"{INSTANCE}/rendered", "image/gif", 406),
        (f"{INSTANCE}/rendered?window=10", "image/png", 400),
        (f"{INSTANCE}/frames/1", "application/octet-stream", 200),
        (f"{INSTANCE}/frames/1,1", "application/octet-stream", 406),
        (f"{INSTANCE}/frames/2", "*/*", 404),
        (f"{INSTANCE}/frames/x", "*/*", 400),
        (f"{INSTANCE}/frames/1,1/rendered", "*/*", 406),
        ("/studies", "text/html", 406),
    ],
)
def test_what_is_not_accepted_is_not_sent(get: Get, path: str, accept: str, status: int) -> None:
    answer = get(path, headers={"Accept": accept})
    assert answer.status_code == status
    if status == 200:
        assert answer.headers["content-type"].partition(";")[0] == accept.partition(";")[0]


@pytest.mark.fault(7)
def test_trouble_on_demand_strikes_images_too(get: Get, pacs: Running) -> None:
    pacs.faults.answer(503, path="/dicomweb/studies/1.2.3/", retry_after="1")
    assert get(INSTANCE).status_code == 503
    assert get(INSTANCE).status_code == 200
    pacs.faults.expire_tokens_after(0)
    assert get(INSTANCE).status_code == 401


@pytest.mark.std("D4")
@pytest.mark.std("E6")
def test_our_own_client_finds_the_images_by_the_record_and_fetches_them_to_the_byte(open_pacs: Running, files: tuple[bytes, ...]) -> None:
    async def run() -> tuple[tuple[bytes, ...], tuple[str, ...]]:
        source = ServerSource(open_pacs.base, Access())
        try:
            chart = await source.chart("p1")
            (study,) = studies(chart)
            listed = await source.images_of(study, 5)
            return tuple([await source.fetch(image) for image in listed.images]), listed.refused
        finally:
            await source.aclose()

    assert asyncio.run(run()) == (files[:3], ())
