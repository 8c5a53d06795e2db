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
from fhir.study import Picture
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
        await asyncio.wait_for(decoded.wait(), timeout=10)
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
        async def fetch(self, *_: object) -> bytes:
            raise SourceMissing("gone")

    async def run() -> node.Seen:
        return await node.look_at_study(ReviewRequest("laterality", CLOCK), source.chart("laterality"), Lost())  # type: ignore[arg-type]  # only `fetch` is called

    seen = asyncio.run(run())
    assert seen.study is not None
    assert seen.pictures == ()
    assert set(seen.facts.refused) == {"source_missing"}
