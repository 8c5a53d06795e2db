"""From the chart's study to pictures: against Orthanc the whole way, and against scripted servers where things go wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fhir.chart import Chart, chart_of
from fhir.dicomweb.attributes import TAGS
from fhir.dicomweb.client import DicomwebClient
from fhir.dicomweb.listing import listed
from fhir.errors import ElsewhereRefused
from fhir.imaging import check_identity, focal_study
from fhir.pixels import decode
from fhir.study import IMAGE_LIMIT, ImageSource, Listed, Picture, Study
from fhir.wire.origins import origins
from fhir.wire.patience import Limits
from fhir.wire.wire import Wire
from sandbox.patients.story import Story

UID = "1.2.3"


def endpoint(address: str, name: str = "pacs") -> dict[str, Any]:
    connection = {"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "dicom-wado-rs"}
    return {"resourceType": "Endpoint", "id": name, "status": "active", "connectionType": connection, "address": address}


def on_server(story: Story, address: str, *, instances: bool) -> Chart:
    """The story's chart when its studies are on an image server: no file attached, an Endpoint instead."""
    patient, others = {}, [endpoint(address)]
    for resource in story.resources:
        body = dict(resource)
        if body["resourceType"] == "Patient":
            patient = body
        elif body["resourceType"] == "ImagingStudy":
            series = [{**one, **({} if instances else {"instance": []})} for one in body["series"]]
            others.append({**body, "series": series, "endpoint": [{"reference": "Endpoint/pacs"}]})
        elif body["resourceType"] != "DocumentReference":
            others.append(body)
    return chart_of(patient, others)


def images_of(study: Study, *addresses: str, most: int = 4) -> tuple[Listed, list[bytes]]:
    """What is listed, and the bytes of each image, through one wire that may ask these addresses."""

    async def run() -> tuple[Listed, list[bytes]]:
        wire = Wire(origins(*addresses), limits=Limits(attempts=1))

        def client_at(address: str) -> DicomwebClient:
            wire.origins.require(address)
            return DicomwebClient(wire, address)

        try:
            found = await listed(client_at, study, most)
            held = [image.instance for image in found.images if image.instance]
            return found, [await client_at(one.address).fetch(one, IMAGE_LIMIT) for one in held]
        finally:
            await wire.aclose()

    return asyncio.run(run())


def focal_of(chart: Chart) -> Study:
    study = focal_study(chart)
    assert study is not None
    return study


@pytest.mark.std("D1")
@pytest.mark.std("D2")
@pytest.mark.std("D3")
@pytest.mark.std("D4")
@pytest.mark.parametrize("instances", [True, False], ids=["the record lists the instances", "the image server lists them"])
def test_the_whole_way_from_a_study_to_its_checked_picture(
    orthanc: Any, told: Mapping[str, Story], files: Mapping[str, bytes], instances: bool
) -> None:
    chart = on_server(told["heart-failure"], orthanc.base, instances=instances)
    study = focal_of(chart)
    assert study.study_uid is not None
    found, fetched = images_of(study, orthanc.base)
    (image,) = found.images
    assert (found.notes, found.refused, fetched) == ((), (), [files[study.study_uid]])
    assert image.instance is not None
    assert image.instance.sop_class == "1.2.840.10008.5.1.4.1.1.1.1"
    foretold = check_identity(image, chart, study)
    picture = decode(fetched[0], declared=image.content_type)
    seen = check_identity(picture, chart, study)
    assert (foretold.outcome, seen.outcome) == ("match", "match")
    compared = {name for name, outcome in foretold.fields if outcome == "match"}
    assert compared >= {"PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "AccessionNumber"}
    assert picture.tags["SOPInstanceUID"] == image.instance.instance_uid
    assert {"view PA", "photometric interpretation MONOCHROME2"} <= set(picture.notes)


@pytest.mark.std("D3")
def test_an_image_of_somebody_else_is_known_from_its_metadata_and_again_from_its_file(orthanc: Any, told: Mapping[str, Story]) -> None:
    chart = on_server(told["wrong-patient"], orthanc.base, instances=True)
    study = focal_of(chart)
    found, (data,) = images_of(study, orthanc.base)
    assert [check_identity(image, chart, study).outcome for image in found.images] == ["mismatch"]
    assert check_identity(decode(data), chart, study).outcome == "mismatch"


@pytest.mark.std("D3")
def test_a_review_of_it_fetches_no_pixel_and_says_so(orthanc: Any, told: Mapping[str, Story]) -> None:
    from agent.nodes.study import look_at_study
    from agent.request import ReviewRequest
    from sandbox.patients.story import CLOCK

    class Images:
        def __init__(self, wire: Wire) -> None:
            self.wire, self.fetched = wire, 0

        def at(self, address: str) -> DicomwebClient:
            return DicomwebClient(self.wire, address)

        async def images_of(self, study: Study, most: int) -> Listed:
            return await listed(self.at, study, most)

        async def fetch(self, image: ImageSource, limit: int) -> bytes:
            self.fetched += 1
            assert image.instance is not None
            return await self.at(image.instance.address).fetch(image.instance, limit)

    async def run(patient: str) -> tuple[tuple[Picture, ...], tuple[str, ...], int]:
        async def chart() -> Chart:
            return on_server(told[patient], orthanc.base, instances=False)

        source = Images(Wire(origins(orthanc.base)))
        try:
            seen = await look_at_study(ReviewRequest(patient, CLOCK), chart(), source)  # type: ignore[arg-type]  # a source of images alone
        finally:
            await source.wire.aclose()
        return seen.pictures, seen.facts.refused, source.fetched

    assert asyncio.run(run("wrong-patient")) == ((), ("image_wrong_patient",), 0)
    (picture,), refused, fetched = asyncio.run(run("heart-failure"))
    assert (picture.pixels.shape, refused, fetched) == ((768, 768), (), 1)
    assert float(np.ptp(picture.pixels)) > 0.5


@pytest.mark.std("D4")
def test_a_study_the_server_does_not_have_is_said_and_attached_pictures_stand_in(orthanc: Any, told: Mapping[str, Story]) -> None:
    study = study_of([orthanc.base], [])
    found, _ = images_of(study, orthanc.base)
    assert (found.images, found.refused) == ((), ("not_there",))
    attached, _ = images_of(study_of([orthanc.base], [], attached=1), orthanc.base)
    assert ([image.url for image in attached.images], attached.refused) == (["images/0.png"], ("not_there",))
    listed_by_record = study_of([orthanc.base], [instance(1)], attached=1)
    assert images_of(listed_by_record, orthanc.base)[0].refused == ("not_there",)


@pytest.mark.fault(56)
def test_a_study_of_reports_alone_has_no_picture_and_nothing_is_missing(scripted: Any) -> None:
    server(scripted, data_set(1, SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1", Modality="DOC"))
    found, fetched = images_of(study_of([scripted.base], [], attached=1), scripted.base)
    assert ([image.url for image in found.images], fetched, found.refused) == (["images/0.png"], [], ())
    assert found.notes == ("1 of the study's objects left out, no picture: encapsulated document",)


def instance(number: int, **more: Any) -> dict[str, Any]:
    return {"uid": f"{UID}.1.{number}", "number": number, "sopClass": {"code": "urn:oid:1.2.840.10008.5.1.4.1.1.1.1"}, **more}


def study_of(
    addresses: list[str], instances: list[dict[str, Any]], *, attached: int = 0, stated: int | None = None, modality: str = "DX"
) -> Study:
    series: dict[str, Any] = {"uid": f"{UID}.1", "number": 1, "modality": {"code": modality}, "instance": instances}
    if stated is not None:
        series["numberOfInstances"] = stated
    study = {
        "resourceType": "ImagingStudy",
        "id": "s",
        "status": "available",
        "started": "2024-01-01",
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{UID}"}],
        "endpoint": [{"reference": f"Endpoint/e{number}"} for number in range(len(addresses))],
        "series": [series],
    }
    media = [
        {
            "resourceType": "Media",
            "id": f"m{number}",
            "status": "completed",
            "partOf": [{"reference": "ImagingStudy/s"}],
            "content": {"contentType": "image/png", "url": f"images/{number}.png"},
        }
        for number in range(attached)
    ]
    endpoints = [endpoint(address, f"e{number}") for number, address in enumerate(addresses)]
    return focal_of(chart_of({"resourceType": "Patient", "id": "p"}, [study, *media, *endpoints]))


def data_set(number: int, **more: Any) -> dict[str, Any]:
    values = {
        "StudyInstanceUID": UID,
        "SeriesInstanceUID": f"{UID}.1",
        "SOPInstanceUID": f"{UID}.1.{number}",
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
        "InstanceNumber": number,
        "Modality": "CT",
        "PatientID": "MRN-1",
        **more,
    }
    return {TAGS[name]: {"vr": "LO", "Value": [value]} for name, value in values.items()}


def server(scripted: Any, *data_sets: dict[str, Any], metadata_status: int = 200) -> None:
    """A server that lists and describes these instances, in another order than their numbers, and sends their UIDs as files."""

    def answer(path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if "/metadata" in path:
            wanted = [one for one in data_sets if path.split("/")[-2] == one[TAGS["SOPInstanceUID"]]["Value"][0]]
            return metadata_status, {"Content-Type": "application/dicom+json"}, json.dumps(wanted).encode()
        if "/instances?" in path:
            return 200, {"Content-Type": "application/dicom+json"}, json.dumps(data_sets[::-1]).encode()
        return 200, {"Content-Type": "application/dicom"}, path.rpartition("/")[2].encode()

    scripted.answer = answer


@pytest.mark.std("D2")
def test_slices_are_sampled_in_the_order_of_their_numbers(scripted: Any) -> None:
    server(scripted, *(data_set(number) for number in range(1, 41)))
    found, fetched = images_of(study_of([scripted.base], [], modality="CT"), scripted.base, most=2)
    assert fetched == [f"{UID}.1.11".encode(), f"{UID}.1.31".encode()]
    assert found.notes == ("38 of 40 images were not looked at; 2 were, evenly spaced over the largest of 1 series",)
    assert [image.tags["PatientID"] for image in found.images] == ["MRN-1", "MRN-1"]


@pytest.mark.parametrize(("stated", "asked"), [(None, False), (2, False), (5, True)])
def test_the_server_is_asked_when_the_record_lists_fewer_than_it_says(scripted: Any, stated: int | None, asked: bool) -> None:
    server(scripted, *(data_set(number) for number in range(1, 6)))
    found, _ = images_of(study_of([scripted.base], [instance(1), instance(2)], stated=stated), scripted.base, most=9)
    assert len(found.images) == (5 if asked else 2)
    assert any("/instances?" in path for path, _ in scripted.asked) is asked


@pytest.mark.std("D4")
@pytest.mark.parametrize(
    ("more", "metadata_status", "kept", "refused"),
    [
        ({}, 200, 1, ()),
        ({"Rows": 2500, "Columns": 2000, "BitsAllocated": 16, "NumberOfFrames": 1}, 200, 1, ()),
        ({"Rows": 65_535, "Columns": 65_535}, 200, 0, ("file_rejected",)),
        ({"NumberOfFrames": 10**9}, 200, 0, ("file_rejected",)),
        ({"BitsAllocated": 64}, 200, 0, ("file_rejected",)),
        ({}, 404, 0, ("not_there",)),
        ({}, 403, 0, ("fhir_access_refused",)),
        ({}, 501, 1, ()),
        ({}, 406, 1, ()),
    ],
)
def test_limits_hold_before_anything_is_fetched(
    scripted: Any, more: dict[str, Any], metadata_status: int, kept: int, refused: tuple[str, ...]
) -> None:
    server(scripted, data_set(1, **more), metadata_status=metadata_status)
    found, _ = images_of(study_of([scripted.base], [instance(1)]), scripted.base)
    assert (len(found.images), found.refused) == (kept, refused)


def test_metadata_of_another_instance_are_not_taken(scripted: Any) -> None:
    scripted.answer = lambda *_: (200, {"Content-Type": "application/dicom+json"}, json.dumps([data_set(2)]).encode())
    found, _ = images_of(study_of([scripted.base], [instance(1)]), scripted.base)
    assert (found.images, found.refused) == ((), ("not_dicomweb",))


@pytest.mark.std("D4")
def test_a_host_that_is_not_on_the_list_is_not_asked_and_the_next_one_is(scripted: Any) -> None:
    server(scripted, data_set(1))
    found, fetched = images_of(study_of(["https://pacs.example/dicom-web", scripted.base], [], attached=2), scripted.base)
    assert fetched == [f"{UID}.1.1".encode()]
    assert found.notes == ("2 attached pictures left out: the image server has the study",)
    alone, _ = images_of(study_of(["https://pacs.example/dicom-web"], [], attached=2), scripted.base)
    assert [image.url for image in alone.images] == ["images/0.png", "images/1.png"]
    assert alone.refused == (ElsewhereRefused.code,)


def test_without_an_image_server_the_attached_pictures_are_all_there_is(scripted: Any) -> None:
    found, _ = images_of(study_of([], [instance(1)], attached=3), scripted.base, most=2)
    assert ([image.url for image in found.images], found.refused) == (["images/0.png", "images/1.png"], ())
    assert found.notes == ("1 of 3 images were not looked at",)
    assert scripted.asked == []


def test_answers_without_usable_uids_are_no_instances(scripted: Any) -> None:
    odd = [data_set(1, SOPInstanceUID="../../x"), data_set(2, SeriesInstanceUID=""), data_set(3, StudyInstanceUID="9.9"), data_set(4)]
    server(scripted, *odd)
    _, fetched = images_of(study_of([scripted.base], []), scripted.base, most=9)
    assert fetched == [f"{UID}.1.4".encode()]


@pytest.mark.fault(12)
@pytest.mark.parametrize("odd", [{"StudyInstanceUID": "9.9"}, {"SOPInstanceUID": "../x"}], ids=["another study", "no usable UID"])
def test_a_server_that_lists_nothing_of_the_study_is_no_study_without_pictures(scripted: Any, odd: dict[str, Any]) -> None:
    server(scripted, data_set(1, **odd))
    found, fetched = images_of(study_of([scripted.base], []), scripted.base)
    assert (found.images, found.refused, fetched) == ((), ("not_dicomweb",), [])


def test_a_server_that_lists_fewer_than_the_record_counts_says_so(scripted: Any) -> None:
    server(scripted, data_set(1), data_set(2))
    found, _ = images_of(study_of([scripted.base], [], stated=5), scripted.base)
    assert found.notes == ("the image server does not list the study completely",)


def test_the_server_is_asked_when_the_record_lists_nothing_of_a_series(scripted: Any) -> None:
    server(scripted, data_set(1), data_set(2, SeriesInstanceUID=f"{UID}.2"))
    study = study_of([scripted.base], [instance(1)])
    more = replace(study, series=(*study.series, replace(study.series[0], uid=f"{UID}.2")))
    assert len(images_of(more, scripted.base)[0].images) == 2
    none = replace(study, series=(*study.series, replace(study.series[0], uid=f"{UID}.2", number_of_instances=0)))
    assert len(images_of(none, scripted.base)[0].images) == 1


def test_images_at_another_server_are_counted_when_one_is_asked(scripted: Any) -> None:
    server(scripted, data_set(1), data_set(2))
    study = study_of([scripted.base], [instance(1), instance(2)])
    first, second = study.instances
    assert second.instance is not None
    elsewhere = replace(second, instance=replace(second.instance, address="http://127.0.0.1:1/dicom-web"))
    found, _ = images_of(replace(study, instances=(first, elsewhere)), scripted.base)
    assert len(found.images) == 1
    assert found.notes == ("1 images at another image server were not looked at",)
