"""The DICOMweb client: against Orthanc as it is, against scripted servers as they could be, and against a site's own server."""

from __future__ import annotations

import asyncio
import io
import json
import os
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image

from fhir.dicomweb import client as module
from fhir.dicomweb.attributes import TAGS
from fhir.dicomweb.client import DICOM_JSON, STORED, DicomwebClient, Found
from fhir.dicomweb.query import StudyQuery
from fhir.errors import AccessRefused, ElsewhereRefused, FileRejected, NotDicomweb, NotThere, Overloaded, RequestRefused, Unreachable
from fhir.study import Instance
from fhir.wire.authorization import Bearer
from fhir.wire.origins import origins
from fhir.wire.wire import Wire
from sandbox.patients.story import Story

UIDS = ("1.2.3", "1.2.3.4", "1.2.3.4.5")
MULTIPART = 'multipart/related; type="application/dicom"; boundary=b'


def uids_of(study_uid: str) -> tuple[str, str, str]:
    return study_uid, f"{study_uid}.1", f"{study_uid}.1.1"


def data_set(**values: str | int) -> dict[str, Any]:
    return {TAGS[name]: {"vr": "LO", "Value": [value]} for name, value in values.items()}


def as_json(*data_sets: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": DICOM_JSON}, json.dumps(data_sets).encode()


def multipart(*bodies: bytes, media_type: str = "application/dicom") -> bytes:
    head = f"--b\r\nContent-Type: {media_type}\r\n\r\n".encode()
    return b"".join(head + body + b"\r\n" for body in bodies) + b"--b--\r\n"


@pytest.mark.std("D2")
@pytest.mark.parametrize(
    "query",
    [
        lambda image: StudyQuery(patient_id="SPH-004302", study_uid=image.study_uid),
        lambda image: StudyQuery(accession_number=image.accession_number),
        lambda image: StudyQuery(study_uid=f"urn:oid:{image.study_uid}", modality="DX"),
        lambda image: StudyQuery(patient_id="SPH-004302", since=image.taken.date(), until=image.taken.date()),
    ],
    ids=["patient and study", "accession number", "study and modality", "day"],
)
def test_orthanc_finds_a_study_by_each_of_its_keys(ask: Any, told: dict[str, Story], query: Callable[[Any], StudyQuery]) -> None:
    image = told["heart-failure"].images[-1]
    found: Found = ask(lambda client: client.studies(query(image)))
    assert [one.text("StudyInstanceUID") for one in found.matches] == [image.study_uid]
    assert found.matches[0].tags() | {"PatientID": "SPH-004302", "PatientSex": "F"} == found.matches[0].tags()
    assert not found.truncated


@pytest.mark.std("D2")
@pytest.mark.parametrize(
    "query",
    [
        StudyQuery(patient_id="nobody"),
        StudyQuery(patient_id="SPH*"),
        StudyQuery(patient_id="?PH-004302"),
        StudyQuery(patient_id="SPH-004302", modality="CT"),
        StudyQuery(patient_id="SPH-004302", until=date(1999, 1, 1)),
    ],
    ids=["nobody", "wildcard", "wildcard letter", "another modality", "before there were any"],
)
def test_orthanc_finds_nothing_and_a_wildcard_is_no_way_to_other_patients(ask: Any, query: StudyQuery) -> None:
    found: Found = ask(lambda client: client.studies(query))
    assert (found.matches, found.truncated) == ((), False)


@pytest.mark.std("D2")
def test_orthanc_lists_series_and_instances(ask: Any, told: dict[str, Story]) -> None:
    study, series, instance = uids_of(told["heart-failure"].images[0].study_uid)

    async def lists(client: DicomwebClient) -> tuple[Found, ...]:
        return (
            await client.series(study),
            await client.series(study, "CT"),
            await client.instances(study),
            await client.instances(study, series),
        )

    found, none, instances, inner = ask(lists)
    assert [one.text("SeriesInstanceUID") for one in found.matches] == [series]
    assert found.matches[0].text("Modality") == "DX"
    assert none.matches == ()
    assert [one.text("SOPInstanceUID") for one in instances.matches] == [one.text("SOPInstanceUID") for one in inner.matches] == [instance]
    assert instances.matches[0].text("SOPClassUID") == "1.2.840.10008.5.1.4.1.1.1.1"


@pytest.mark.std("D2")
def test_orthanc_pages_are_followed_to_the_last(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 1)
    found: Found = ask(lambda client: client.studies(StudyQuery()))
    assert len({one.text("StudyInstanceUID") for one in found.matches}) == len(found.matches) == 3


@pytest.mark.std("D1")
def test_orthanc_gives_an_instance_byte_by_byte(ask: Any, files: dict[str, bytes]) -> None:
    for study, file in files.items():
        assert ask(lambda client, study=study: client.instance(*uids_of(study))) == file
    study, series, instance = uids_of(next(iter(files)))
    held = Instance("http://not.looked.at", study, series, instance)
    assert ask(lambda client: client.fetch(held, 10_000_000)) == files[study]


@pytest.mark.std("D1")
def test_orthanc_gives_metadata_frames_and_pictures(ask: Any, files: dict[str, bytes]) -> None:
    study = next(iter(files))
    uids = uids_of(study)
    file = pydicom.dcmread(io.BytesIO(files[study]))
    (metadata,) = ask(lambda client: client.metadata(*uids))
    assert (metadata.number("Rows"), metadata.number("Columns")) == (file.Rows, file.Columns)
    assert metadata.tags()["PatientID"] == file.PatientID
    (frame,) = ask(lambda client: client.frames(*uids, [1]))
    np.testing.assert_array_equal(np.frombuffer(frame, "<u2").reshape(file.Rows, file.Columns), file.pixel_array)
    for form, name in (("image/png", "PNG"), ("image/jpeg", "JPEG")):
        picture = ask(lambda client, form=form: client.rendered(*uids, form=form, viewport=(96, 96)))
        with Image.open(io.BytesIO(picture)) as image:
            assert (image.format, max(image.size)) == (name, 96)


@pytest.mark.std("D1")
@pytest.mark.parametrize(
    ("what", "error"),
    [
        (lambda client, uids: client.metadata("1.2.3"), NotThere),
        (lambda client, uids: client.instance(*uids[:2], "1.2.3"), NotThere),
        (lambda client, uids: client.frames(*uids, [2]), RequestRefused),
        (lambda client, uids: client.rendered(*uids, form="image/gif"), RequestRefused),
        (lambda client, uids: client.instance(*uids, limit=1000), FileRejected),
    ],
    ids=["unknown study", "unknown instance", "a frame too many", "a form it cannot make", "larger than allowed"],
)
def test_orthanc_refuses_in_types(ask: Any, files: dict[str, bytes], what: Callable[..., Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(lambda client: what(client, uids_of(next(iter(files)))))


@pytest.mark.std("D1")
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, NotDicomweb),
        (400, RequestRefused),
        (401, AccessRefused),
        (403, AccessRefused),
        (404, NotThere),
        (406, RequestRefused),
        (410, NotThere),
        (413, RequestRefused),
        (418, NotDicomweb),
        (500, Unreachable),
        (501, RequestRefused),
        (503, Overloaded),
    ],
)
def test_each_status_is_an_error_of_its_own(scripted: Any, status: int, error: type[Exception]) -> None:
    scripted.answer = lambda *_: (status, {"Location": "http://127.0.0.1:1/elsewhere", "Content-Type": "text/plain"}, b"MRN-4711")
    asks: list[Callable[[DicomwebClient], Any]] = [
        lambda client: client.studies(StudyQuery(patient_id="MRN-4711")),
        lambda client: client.metadata(*UIDS),
        lambda client: client.instance(*UIDS),
        lambda client: client.frames(*UIDS, [1]),
        lambda client: client.rendered(*UIDS),
    ]
    for what in asks:
        with pytest.raises(error) as caught:
            scripted.use(what)
        assert type(caught.value) is error
        assert "4711" not in str(caught.value)


@pytest.mark.std("D1")
def test_every_question_says_what_it_accepts_and_where_its_base_is(scripted: Any) -> None:
    def answer(path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if headers["accept"] == DICOM_JSON:
            return as_json(data_set(StudyInstanceUID="1.2.3") | {"00081190": {"vr": "UR", "Value": ["http://127.0.0.1:1/stolen"]}})
        if headers["accept"].startswith("image/"):
            return 200, {"Content-Type": headers["accept"]}, b"\xff\xd8\xff" if "jpeg" in headers["accept"] else b"\x89PNG\r\n\x1a\n"
        return 200, {"Content-Type": MULTIPART}, multipart(b"DICM")

    scripted.answer = answer

    async def everything(client: DicomwebClient) -> None:
        await client.studies(StudyQuery(study_uid="1.2.3"))
        await client.metadata("1.2.3")
        await client.instance(*UIDS)
        await client.frames(*UIDS, [1])
        await client.rendered(*UIDS, frame=2)
        await client.rendered(*UIDS, form="image/jpeg", viewport=(512, 256))

    scripted.use(everything)
    instance = "/dicom-web/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.5"
    assert [(path.partition("&includefield")[0], headers["accept"]) for path, headers in scripted.asked] == [
        ("/dicom-web/studies?StudyInstanceUID=1.2.3", DICOM_JSON),
        ("/dicom-web/studies/1.2.3/metadata", DICOM_JSON),
        (instance, STORED),
        (f"{instance}/frames/1", 'multipart/related; type="application/octet-stream"'),
        (f"{instance}/frames/2/rendered", "image/png"),
        (f"{instance}/rendered?viewport=512,256", "image/jpeg"),
    ]


@pytest.mark.std("D1")
@pytest.mark.parametrize("status", [400, 406])
def test_a_server_that_cannot_send_as_stored_is_asked_once_more(scripted: Any, status: int) -> None:
    def answer(path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        return (status, {}, b"") if headers["accept"] == STORED else (200, {"Content-Type": "application/dicom"}, b"bare")

    scripted.answer = answer
    assert scripted.use(lambda client: client.instance(*UIDS)) == b"bare"
    assert len(scripted.asked) == 2


@pytest.mark.std("D1")
@pytest.mark.parametrize(
    ("sent", "body", "error"),
    [
        ({"Content-Type": "text/html"}, b"<html>log in</html>", NotDicomweb),
        ({"Content-Type": "application/json"}, b"{}", NotDicomweb),
        ({"Content-Type": MULTIPART}, multipart(b"a", b"b"), NotDicomweb),
        ({"Content-Type": MULTIPART}, multipart(), NotThere),
        ({"Content-Type": MULTIPART}, multipart(b"{}", media_type="application/json"), NotDicomweb),
        ({"Content-Type": MULTIPART}, multipart(b"a" * 99)[:-9], Unreachable),
        ({"Content-Type": "multipart/related"}, multipart(b"a"), NotDicomweb),
    ],
    ids=["HTML", "JSON", "two for one", "none", "JSON inside", "cut off", "no boundary"],
)
def test_what_is_no_instance_is_not_taken_for_one(scripted: Any, sent: dict[str, str], body: bytes, error: type[Exception]) -> None:
    scripted.answer = lambda *_: (200, sent, body)
    with pytest.raises(error):
        scripted.use(lambda client: client.instance(*UIDS))


def test_frames_come_in_the_order_they_were_asked(scripted: Any) -> None:
    kind = 'multipart/related; type="application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"; boundary=b'
    scripted.answer = lambda *_: (200, {"Content-Type": kind}, multipart(b"three", b"one", media_type="application/octet-stream"))
    assert scripted.use(lambda client: client.frames(*UIDS, [3, 1])) == (b"three", b"one")
    assert scripted.asked[0][0].endswith("/frames/3,1")


def test_a_picture_that_is_not_of_the_form_it_says_is_refused(scripted: Any) -> None:
    scripted.answer = lambda *_: (200, {"Content-Type": "image/png"}, b"MZ\x90\x00")
    with pytest.raises(FileRejected, match="form"):
        scripted.use(lambda client: client.rendered(*UIDS))


@pytest.mark.std("D2")
@pytest.mark.parametrize("status", [200, 204])
def test_no_match_is_an_answer_with_or_without_a_body(scripted: Any, status: int) -> None:
    scripted.answer = lambda *_: (status, {"Content-Type": DICOM_JSON}, b"[]" if status == 200 else b"")
    found: Found = scripted.use(lambda client: client.instances("1.2.3"))
    assert found == Found(())


def pages(total: int, cap: int, warning: dict[str, str], *, knows_offset: bool = True, status: int = 200) -> Callable[..., Any]:
    """A server of so many instances that gives at most `cap` a page."""

    def answer(path: str, _: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        start = int(path.rpartition("offset=")[2]) if "offset=" in path and knows_offset else 0
        shown = range(start, min(total, start + cap))
        if not shown:
            return 204, {}, b""
        more = shown.stop < total
        _, headers, body = as_json(*(data_set(SOPInstanceUID=f"1.{number}") for number in shown))
        return (status if more else 200), {**headers, **(warning if more else {})}, body

    return answer


@pytest.mark.std("D2")
@pytest.mark.parametrize(
    ("answer", "number", "truncated"),
    [
        (pages(450, 200, {}), 450, False),
        (pages(400, 200, {}), 400, False),
        (pages(120, 50, {"Warning": '299 pacs "There are 70 additional results that can be requested"'}), 120, False),
        (pages(120, 50, {}, status=206), 120, False),
        (pages(120, 50, {}), 50, False),
        (pages(120, 50, {"Warning": '299 pacs "more"'}, knows_offset=False), 50, True),
        (pages(450, 200, {}, knows_offset=False), 200, True),
        (pages(9_000, 200, {}), 5_000, True),
    ],
    ids=["full pages", "a full last page", "capped and said", "206", "capped in silence", "no offset, said", "no offset", "endless"],
)
def test_every_page_is_taken_and_a_cut_is_said(scripted: Any, answer: Callable[..., Any], number: int, truncated: bool) -> None:
    scripted.answer = answer
    found: Found = scripted.use(lambda client: client.instances("1.2.3"))
    assert (len(found.matches), found.truncated) == (number, truncated)


@pytest.mark.std("D2")
@pytest.mark.std("D3")
def test_a_server_that_ignores_the_question_shows_nobody_else(scripted: Any) -> None:
    mine, other = data_set(PatientID="MRN-1", StudyInstanceUID="1.1"), data_set(PatientID="MRN-2", StudyInstanceUID="1.2")
    scripted.answer = lambda *_: as_json(mine, other, data_set(StudyInstanceUID="1.3"))
    found: Found = scripted.use(lambda client: client.studies(StudyQuery(patient_id="MRN-1")))
    assert ([one.text("StudyInstanceUID") for one in found.matches], found.foreign) == (["1.1"], 2)


@pytest.mark.std("D4")
def test_another_host_is_not_asked_and_sees_no_token(scripted: Any) -> None:
    async def run(allowed: str, plain: tuple[str, ...], base: str) -> bytes:
        wire = Wire(origins(allowed, plain=plain), authorization=Bearer("secret"))
        try:
            return await DicomwebClient(wire, base).instance(*UIDS)
        finally:
            await wire.aclose()

    with pytest.raises(ElsewhereRefused):
        asyncio.run(run("https://pacs.example", (), scripted.base))
    assert scripted.asked == []
    scripted.answer = lambda *_: (200, {"Content-Type": "application/dicom"}, b"x")
    assert asyncio.run(run("https://pacs.example", (scripted.base,), scripted.base)) == b"x"
    assert "authorization" not in scripted.asked[0][1]
    assert asyncio.run(run(scripted.base, (), scripted.base + "/")) == b"x"
    assert scripted.asked[1][1]["authorization"] == "Bearer secret"


@pytest.mark.parametrize("uid", ["", "../1", "1.2/3", "1..2", ".1", "1.2?x=1", "1" * 65, "1.2\n", "１.２"], ids=repr)
def test_a_uid_that_is_none_never_reaches_a_url(scripted: Any, uid: str) -> None:
    for what in (lambda client: client.metadata(uid), lambda client: client.instance("1", "1", uid), lambda client: client.instances(uid)):
        with pytest.raises(RequestRefused):
            scripted.use(what)
    assert scripted.asked == []


@pytest.mark.parametrize("what", [lambda client: client.frames(*UIDS, [0]), lambda client: client.rendered(*UIDS, viewport=(0, 5))])
def test_frames_and_sizes_are_counted_from_one(scripted: Any, what: Callable[[DicomwebClient], Any]) -> None:
    with pytest.raises(RequestRefused, match="from 1"):
        scripted.use(what)


@pytest.mark.std("D1")
@pytest.mark.std("D2")
def test_a_sites_own_server_is_read_as_the_standard_says() -> None:
    """Read-only, and of any server: its first study's first instance comes whole, with metadata that name it."""
    base = os.environ.get("SIDENOTE_TEST_DICOMWEB_BASE")
    if not base:
        pytest.skip("SIDENOTE_TEST_DICOMWEB_BASE names no DICOMweb server")

    async def read() -> None:
        wire = Wire(origins(base))
        client = DicomwebClient(wire, base)
        try:
            studies = (await client.studies(StudyQuery())).matches
            if not studies:
                pytest.skip("the server of SIDENOTE_TEST_DICOMWEB_BASE holds no study")
            study = studies[0].text("StudyInstanceUID")
            again = await client.studies(StudyQuery(study_uid=study))
            assert [one.text("StudyInstanceUID") for one in again.matches] == [study]
            first = (await client.instances(study)).matches[0]
            uids = study, first.text("SeriesInstanceUID"), first.text("SOPInstanceUID")
            (metadata,) = await client.metadata(*uids)
            assert metadata.text("SOPInstanceUID") == uids[2]
            file = pydicom.dcmread(io.BytesIO(await client.instance(*uids)), force=True)
            assert (file.StudyInstanceUID, file.SeriesInstanceUID, file.SOPInstanceUID) == uids
            with pytest.raises(NotThere):
                await client.metadata("1.2.3.4.5.6.7.8.9")
        finally:
            await wire.aclose()

    asyncio.run(read())
