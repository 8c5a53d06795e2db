"""study: images are checked before anything looks at them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from agent.nodes import study as node
from agent.request import ReviewRequest
from fhir.chart import Chart, chart_of
from fhir.errors import FileRejected, SourceMissing, UnknownPatient
from fhir.source import open_source
from fhir.study import ImageSource, Instance, Listed, Picture, Study
from sandbox.patients.story import CLOCK

PATIENT = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:x", "value": "MRN1"}], "birthDate": "1970-01-01"}


def picture(sha256: str = "a", **tags: str) -> Picture:
    return Picture(np.zeros((16, 20), np.float32), sha256, "dicom", MappingProxyType(tags))


async def no_study() -> Chart:
    return chart_of(PATIENT)


def look(monkeypatch: pytest.MonkeyPatch, decode: Callable[[bytes], Picture], *images: bytes | Path) -> node.Seen:
    monkeypatch.setattr(node, "decode", decode)
    request = ReviewRequest("p", datetime(2026, 1, 1, tzinfo=UTC), images=images)

    class Unused:
        async def fetch(self, *_: object) -> bytes:
            raise AssertionError("named images stand in for the chart's")

    return asyncio.run(node.look_at_study(request, no_study(), Unused()))  # type: ignore[arg-type]  # only `fetch` could be called


def by_content(**pictures: Picture) -> Callable[[bytes], Picture]:
    return lambda data: pictures[data.decode()]


def test_one_image_of_another_patient_drops_every_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = look(monkeypatch, by_content(mine=picture("a", PatientID="MRN1"), other=picture("b", PatientID="MRN2")), b"mine", b"other")
    assert seen.pictures == ()
    assert seen.facts.identity is not None
    assert seen.facts.identity.outcome == "mismatch"
    assert [image.sha256 for image in seen.facts.images] == ["a", "b"]
    assert seen.facts.refused == ("image_wrong_patient",)
    assert seen.facts.image_side is None


def test_an_image_without_tags_is_kept_as_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = look(monkeypatch, by_content(png=picture()), b"png")
    assert len(seen.pictures) == 1
    assert seen.facts.identity is not None
    assert seen.facts.identity.outcome == "unknown"
    assert (seen.facts.images[0].rows, seen.facts.images[0].columns) == (16, 20)


@pytest.mark.parametrize(
    ("tags", "side"),
    [
        ([{"Laterality": "L"}], "left"),
        ([{"ImageLaterality": "r"}], "right"),
        ([{"Laterality": "L"}, {"Laterality": "R"}], None),
        ([{"Laterality": "U"}], None),
        ([{}], None),
    ],
)
def test_the_images_side_is_what_their_tags_agree_on(monkeypatch: pytest.MonkeyPatch, tags: list[dict[str, str]], side: str | None) -> None:
    pictures = {f"n{n}": picture(f"n{n}", PatientID="MRN1", **each) for n, each in enumerate(tags)}
    assert look(monkeypatch, by_content(**pictures), *(name.encode() for name in pictures)).facts.image_side == side


def test_more_images_than_are_looked_at_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = look(monkeypatch, lambda data: picture(data.decode(), PatientID="MRN1"), *(f"{n}".encode() for n in range(6)))
    assert len(seen.facts.images) == node.MOST_IMAGES
    assert seen.facts.notes == ("2 of 6 images were not looked at",)


def test_a_named_image_larger_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(node, "MOST_BYTES", 10)
    (tmp_path / "big").write_bytes(b"x" * 11)
    for named in (b"x" * 11, tmp_path / "big"):
        with pytest.raises(FileRejected, match="larger"):
            look(monkeypatch, by_content(), named)


def test_named_images_are_decoded_while_the_chart_is_still_being_pulled(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = asyncio.Event()
    loop: list[asyncio.AbstractEventLoop] = []

    def decode(data: bytes) -> Picture:
        loop[0].call_soon_threadsafe(decoded.set)
        return picture(PatientID="MRN1")

    async def slow_chart() -> Chart:
        await asyncio.wait_for(decoded.wait(), timeout=60)
        return chart_of(PATIENT)

    async def run() -> node.Seen:
        loop.append(asyncio.get_running_loop())
        request = ReviewRequest("p", datetime(2026, 1, 1, tzinfo=UTC), images=(b"x",))
        return await node.look_at_study(request, slow_chart(), open_source(Path(__file__)))

    monkeypatch.setattr(node, "decode", decode)
    assert len(asyncio.run(run()).pictures) == 1


def test_a_refused_chart_is_the_error_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused() -> Chart:
        raise UnknownPatient("the asked patient is not in the source")

    async def run() -> Any:
        request = ReviewRequest("p", datetime(2026, 1, 1, tzinfo=UTC), images=(b"not an image",))
        return await node.look_at_study(request, refused(), open_source(Path(__file__)))

    with pytest.raises(UnknownPatient):
        asyncio.run(run())


def test_an_image_the_source_has_lost_is_left_out_with_its_code(hospital: Path) -> None:
    source = open_source(hospital)

    class Lost:
        async def images_of(self, study: Study, most: int) -> Listed:
            return await source.images_of(study, most)

        async def fetch(self, *_: object) -> bytes:
            raise SourceMissing("gone")

    async def run() -> node.Seen:
        return await node.look_at_study(ReviewRequest("laterality", CLOCK), source.chart("laterality"), Lost())  # type: ignore[arg-type]  # a source of images alone

    seen = asyncio.run(run())
    assert seen.study is not None
    assert seen.pictures == ()
    assert set(seen.facts.refused) == {"source_missing"}


STUDY = {
    "resourceType": "ImagingStudy",
    "id": "s",
    "status": "available",
    "started": "2025-01-01",
    "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}],
}
HELD = Instance("https://pacs.example", "1.2.3", "1.2.3.4", "1.2.3.4.5")


def image(content_type: str | None = "application/dicom", instance: Instance | None = HELD, **tags: str) -> ImageSource:
    return ImageSource("ImagingStudy/s", content_type, instance=instance, tags=tags)


class Server:
    """A source whose images of the study are these; `fetched` counts what was asked of it."""

    def __init__(self, listed: Listed, data: bytes = b"") -> None:
        self.listed, self.data, self.fetched = listed, data, 0

    async def images_of(self, study: Study, most: int) -> Listed:
        return self.listed

    async def fetch(self, *_: object) -> bytes:
        self.fetched += 1
        return self.data


def look_on(server: Server, as_of: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> node.Seen:
    async def chart() -> Chart:
        return chart_of(PATIENT, [STUDY])

    return asyncio.run(node.look_at_study(ReviewRequest("p", as_of), chart(), server))  # type: ignore[arg-type]  # a source of images alone


@pytest.mark.std("D3")
@pytest.mark.parametrize(
    "tags", [{"PatientID": "MRN2"}, {"PatientID": "MRN1", "StudyInstanceUID": "9.9"}, {"PatientBirthDate": "19700102"}], ids=str
)
def test_pixels_of_another_patient_are_not_even_fetched(tags: dict[str, str]) -> None:
    server = Server(Listed((image(PatientID="MRN1"), image(**tags)), notes=("one note",)))
    seen = look_on(server)
    assert (server.fetched, seen.pictures, seen.facts.images) == (0, (), ())
    assert (seen.facts.refused, seen.facts.notes) == (("image_wrong_patient",), ("one note",))
    assert seen.facts.identity is not None
    assert seen.facts.identity.outcome == "mismatch"


@pytest.mark.std("D3")
@pytest.mark.parametrize(("uid", "kept"), [("1.2.3.4.5", True), ("1.2.3.4.6", False), (None, True)])
def test_an_instance_that_is_not_the_one_asked_for_is_left_out(monkeypatch: pytest.MonkeyPatch, uid: str | None, kept: bool) -> None:
    tags = {"PatientID": "MRN1", **({"SOPInstanceUID": uid} if uid else {})}
    monkeypatch.setattr(node, "decode", lambda data, declared: picture(**tags))
    seen = look_on(Server(Listed((image(PatientID="MRN1"),))))
    assert (len(seen.pictures), seen.facts.refused) == ((1, ()) if kept else (0, ("file_rejected",)))


def test_what_could_not_be_listed_is_said_like_what_could_not_be_fetched() -> None:
    seen = look_on(Server(Listed((), ("2 of 6 images were not looked at",), ("elsewhere_refused",))))
    assert (seen.facts.refused, seen.facts.notes) == (("elsewhere_refused",), ("2 of 6 images were not looked at",))


@pytest.mark.fault(56)
@pytest.mark.parametrize(
    ("declared", "refused", "notes"),
    [
        (None, (), ("1 attached files of the study are no pictures",)),
        ("image/png", ("file_rejected",), ()),
        ("application/dicom", ("file_rejected",), ()),
    ],
)
def test_a_pdf_is_never_decoded_as_an_image(declared: str | None, refused: tuple[str, ...], notes: tuple[str, ...]) -> None:
    pdf = b"%PDF-1.7\n1 0 obj << /OpenAction << /S /JavaScript /JS (app.alert(1)) >> >>"
    seen = look_on(Server(Listed((image(declared, None),)), pdf))
    assert (seen.pictures, seen.facts.refused, seen.facts.notes) == ((), refused, notes)


def test_a_study_from_after_the_moment_of_the_review_is_not_looked_at() -> None:
    server = Server(Listed((image(),)))
    seen = look_on(server, datetime(2024, 6, 1, tzinfo=UTC))
    assert (seen.study, server.fetched) == (None, 0)


PRIOR = {**STUDY, "id": "before", "started": "2024-06-01", "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:9.9"}]}


class Hospital:
    """A source with an image of each study; `spoilt` says whose patient id the earlier one carries."""

    def __init__(self, prior_patient: str) -> None:
        self.prior_patient = prior_patient
        self.asked: list[str] = []

    async def images_of(self, study: Study, most: int) -> Listed:
        self.asked.append(study.reference)
        tags = {"PatientID": "MRN1" if study.reference == "ImagingStudy/s" else self.prior_patient}
        return Listed((ImageSource(study.reference, "application/dicom", url=study.reference, tags=tags),))

    async def fetch(self, image: ImageSource, *_: object) -> bytes:
        return image.reference.encode()


def compared(monkeypatch: pytest.MonkeyPatch, source: Hospital, *, compare: bool) -> node.Seen:
    async def chart() -> Chart:
        kinds = {"modality": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "DX"}]}
        return chart_of(PATIENT, [{**STUDY, **kinds}, {**PRIOR, **kinds}])

    monkeypatch.setattr(node, "decode", lambda data, **_: picture(data.decode(), PatientID="MRN1"))
    request = ReviewRequest("p", datetime(2026, 1, 1, tzinfo=UTC))
    return asyncio.run(node.look_at_study(request, chart(), source, compare=compare))  # type: ignore[arg-type]  # a source of images alone


def test_the_newest_study_before_is_fetched_beside_the_focal_one_when_it_is_to_be_compared_with(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = compared(monkeypatch, Hospital("MRN1"), compare=True)
    assert [one.sha256 for one in seen.pictures] == ["ImagingStudy/s"]
    assert seen.prior is not None
    assert [one.sha256 for one in seen.prior.pictures] == ["ImagingStudy/before"]
    assert seen.facts.prior is not None
    assert seen.facts.prior.started == "2024-06-01"
    assert seen.facts.prior.seen.study == "ImagingStudy/before"


def test_the_study_before_is_left_alone_when_no_model_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Hospital("MRN1")
    seen = compared(monkeypatch, source, compare=False)
    assert (seen.prior, seen.facts.prior) == (None, None)
    assert source.asked == ["ImagingStudy/s"]


@pytest.mark.std("D3")
def test_a_prior_image_of_another_patient_is_dropped_and_the_review_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = compared(monkeypatch, Hospital("MRN2"), compare=True)
    assert len(seen.pictures) == 1
    assert seen.prior is not None
    assert seen.prior.pictures == ()
    assert seen.facts.prior is not None
    assert seen.facts.prior.seen.refused == ("image_wrong_patient",)
