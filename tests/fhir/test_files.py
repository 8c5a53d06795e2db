"""Files and folders as a source."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fhir.chart import Chart
from fhir.errors import (
    AnotherPatient,
    BadJson,
    EmptySource,
    FileRejected,
    NotFhir,
    RecordError,
    SourceMissing,
    UnknownPatient,
    WrongRelease,
)
from fhir.files import chart_from_bytes, read_chart
from fhir.imaging import studies
from fhir.source import open_source
from fhir.study import ImageSource

Body = dict[str, Any]
Write = Callable[[str, bytes], Path]


def _chart(patient: str, *places: Path) -> Chart:
    return asyncio.run(open_source(*places).chart(patient))


def test_a_bundle_file_a_line_file_and_a_folder_give_the_same_chart(
    write: Write, bundle: Callable[..., bytes], patient: Body, observation: Callable[..., Body]
) -> None:
    resources = [patient, observation("o1"), observation("o2")]
    lines = "\n".join(json.dumps(one) for one in resources).encode()
    as_bundle, as_lines = write("one/a.json", bundle(*resources)), write("two/a.ndjson", lines)
    hashes = {_chart("p1", place).sha256 for place in (as_bundle, as_lines, as_bundle.parent, as_lines.parent)}
    assert len(hashes) == 1
    assert _chart("Patient/p1", as_bundle).sha256 in hashes


def test_line_files_by_type_in_one_folder_make_one_chart(write: Write, patient: Body, observation: Callable[..., Body]) -> None:
    place = write("Patient.ndjson", json.dumps(patient).encode()).parent
    write("Observation.ndjson", b"\n".join(json.dumps(observation(f"o{n}")).encode() for n in range(3)))
    assert len(_chart("p1", place).facts) == 3


def test_a_later_source_adds_to_an_earlier_one(
    write: Write, bundle: Callable[..., bytes], patient: Body, observation: Callable[..., Body]
) -> None:
    first = write("base/a.json", bundle(patient, observation("o1"))).parent
    second = write("overlay/a.json", bundle(observation("o2"))).parent
    assert [fact.id for fact in _chart("p1", first, second).facts] == ["o1", "o2"]
    assert asyncio.run(open_source(first, second).patients()) == ("p1",)


def test_a_folder_reads_only_what_speaks_of_the_patient(write: Write, bundle: Callable[..., bytes], patient: Body) -> None:
    place = write("a.json", bundle(patient)).parent
    write("b.json", bundle({**patient, "id": "p2"})[:-9])
    write("expected.json", b'{"stories": ["p1"]}')
    write("notes.txt", b"p1")
    assert _chart("p1", place).facts == ()
    assert asyncio.run(open_source(place).patients()) == ("p1",)
    with pytest.raises(BadJson, match=r"b\.json"):
        _chart("p2", place)


def test_links_that_lead_out_of_the_folder_are_passed_over(
    tmp_path: Path, write: Write, bundle: Callable[..., bytes], patient: Body
) -> None:
    outside = write("outside/secret.json", bundle({**patient, "id": "p2"}))
    place = write("inside/a.json", bundle(patient)).parent
    (place / "link.json").symlink_to(outside)
    assert asyncio.run(open_source(place).patients()) == ("p1",)


def test_each_bad_file_is_refused_with_its_own_error(
    write: Write, bundle: Callable[..., bytes], patient: Body, observation: Callable[..., Body]
) -> None:
    good = bundle(patient, observation("o1"))
    r5 = bundle(patient, {"resourceType": "MedicationRequest", "id": "m", "medication": {"concept": {"text": "x"}}})
    table: list[tuple[bytes, str, type[RecordError]]] = [
        (good[:-40], "p1", BadJson),
        (good.replace(b'"subject": {', b'"subject": {"reference": "Patient/p2"}, "subject": {'), "p1", BadJson),
        (good.replace(b'"final"', b"NaN"), "p1", BadJson),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "p1", NotFhir),
        (r5, "p1", WrongRelease),
        (bundle(), "p1", EmptySource),
        (good, "p9", UnknownPatient),
        (bundle(patient, observation("o1"), observation("o2", "Patient/p2")), "p1", AnotherPatient),
    ]
    for number, (data, asked, error) in enumerate(table):
        path = write(f"{number}.json", data)
        with pytest.raises(error) as caught:
            _chart(asked, path)
        assert caught.value.code == error.code
        assert "p1" not in str(caught.value)


def test_a_missing_place_an_empty_folder_and_a_binary_file_are_refused(tmp_path: Path, write: Write) -> None:
    with pytest.raises(SourceMissing):
        open_source(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmptySource):
        _chart("p1", tmp_path / "empty")
    with pytest.raises(NotFhir):
        _chart("p1", write("photo.bin", b"\x89PNG"))


def test_fetches_inline_file_and_binary_and_checks_them(write: Write, bundle: Callable[..., bytes], patient: Body) -> None:
    binary = {"resourceType": "Binary", "id": "b1", "contentType": "image/png", "data": base64.b64encode(b"binary").decode()}
    place = write("fhir/a.json", bundle(patient, binary)).parent
    write("images/x.png", b"file")

    async def fetch(**more: Any) -> bytes:
        return await open_source(place).fetch(ImageSource("Media/m", "image/png", **more), 100)

    assert asyncio.run(fetch(url="images/x.png")) == b"file"
    assert asyncio.run(fetch(url="Binary/b1")) == b"binary"
    assert asyncio.run(fetch(data=b"inline")) == b"inline"
    for wrong in ({"url": "Binary/b2"}, {"url": "images/y.png"}, {"url": "images/x.png", "size": 9}, {}):
        with pytest.raises(FileRejected):
            asyncio.run(fetch(**wrong))


def test_the_ways_to_read_one_bundle_agree(
    write: Write, bundle: Callable[..., bytes], patient: Body, observation: Callable[..., Body]
) -> None:
    data = bundle(patient, observation("o1"))
    assert chart_from_bytes(data, "p1").sha256 == read_chart(write("a.json", data), "p1").sha256


@pytest.mark.std("C6")
def test_what_an_export_could_not_bring_is_not_taken_for_none(write: Write, patient: Body) -> None:
    from fhir.bulk.state import ExportState, write_state

    place = write("run-0001/Patient.ndjson", json.dumps(patient).encode()).parent.parent
    moment = "2026-11-20T09:00:00Z"
    write_state(place, ExportState("http://127.0.0.1/fhir", {}, None, moment, None, ("run-0001",), states={"MedicationRequest": "failed"}))
    manifest = _chart("p1", place).manifest
    assert (manifest.state("MedicationRequest"), manifest.state("Condition")) == ("failed", "complete")


@pytest.mark.std("E3")
@pytest.mark.parametrize(("known", "code"), [(True, "elsewhere_refused"), (False, "not_there")])
def test_images_on_an_image_server_are_said_to_be_out_of_reach_of_a_file(
    write: Write, bundle: Callable[..., bytes], patient: Body, known: bool, code: str
) -> None:
    endpoint = {"resourceType": "Endpoint", "id": "pacs", "status": "active", "address": "http://127.0.0.1:1/dicom-web"}
    endpoint["connectionType"] = {"code": "dicom-wado-rs"}  # type: ignore[assignment]
    study = {"resourceType": "ImagingStudy", "id": "i1", "status": "available", "subject": {"reference": "Patient/p1"}}
    study |= {"identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}], "endpoint": [{"reference": "Endpoint/pacs"}]}  # type: ignore[dict-item]
    source = open_source(write("a.json", bundle(patient, *([endpoint] if known else []), study)))
    (found,) = studies(asyncio.run(source.chart("p1")))
    listed = asyncio.run(source.images_of(found, 4))
    assert (listed.images, listed.refused) == ((), (code,))
    assert listed.notes
