"""Frames and pictures."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from pydicom.uid import JPEG2000Lossless

from sandbox.ehr.dicomweb.images import Image, Images
from sandbox.ehr.dicomweb.pixels import View, frame_bytes, frame_numbers, read_view, rendered
from sandbox.ehr.outcome import Refusal

Make = Callable[..., Image]


@pytest.fixture
def make(dicom_file: Callable[..., bytes]) -> Make:
    return lambda **tags: Images().add(dicom_file("1.2.3", 1, 1, **tags))


def drawn(image: Image, view: View | None = None, **options: Any) -> np.ndarray[Any, Any]:
    return np.asarray(Picture.open(io.BytesIO(rendered(image, view or View(), "image/png", **options))))


@pytest.mark.std("D5")
def test_without_a_window_the_whole_range_is_shown_and_monochrome_1_is_turned_round(make: Make) -> None:
    plain = drawn(make())
    assert (plain[0, 0], plain[-1, -1], plain.shape) == (0, 255, (6, 8))
    assert (drawn(make(PhotometricInterpretation="MONOCHROME1")) == 255 - plain).all()


@pytest.mark.std("D5")
def test_a_window_asked_for_goes_before_the_images_own(make: Make) -> None:
    """Values are 1, 51, … 2351: of a window from 1000 to 1200 the lower are black and the upper white."""
    image = make(WindowCenter=2000, WindowWidth=10)
    assert (drawn(image) == 255).sum() == 7
    windowed = drawn(image, View(window=(1100, 200))).ravel()
    assert (windowed[:20] == 0).all()
    assert (windowed[24:] == 255).all()
    assert 110 < windowed[22] < 145
    assert np.diff(windowed.astype(int)).min() >= 0


def test_rescaled_values_are_windowed(make: Make) -> None:
    plain, shifted = make(), make(RescaleSlope=1, RescaleIntercept=-1000)
    assert (drawn(plain, View(window=(1100, 200))) == drawn(shifted, View(window=(100, 200)))).all()


def test_a_viewport_holds_the_whole_picture_in_its_proportions(make: Make) -> None:
    assert drawn(make(), View(viewport=(80, 30))).shape == (30, 40)
    jpeg = Picture.open(io.BytesIO(rendered(make(), View(viewport=(4, 400)), "image/jpeg")))
    assert (jpeg.format, jpeg.size) == ("JPEG", (4, 3))


def test_frames_are_the_stored_bytes(images: Images) -> None:
    (cine,) = images.of("1.2.3", "1.2.3.2")
    first, second = frame_bytes(cine, (1, 2))
    assert np.frombuffer(first + second, "<u2").tolist() == list(range(96))
    assert frame_numbers("2,1,2", cine) == (2, 1, 2)
    assert drawn(cine, View(window=(72, 48)), number=2).max() > drawn(cine, View(window=(72, 48)), number=1).max()


@pytest.mark.parametrize(("text", "status"), [("0", 404), ("3", 404), ("1,3", 404), ("", 400), ("1,", 400), ("-1", 400), ("²", 400)])
def test_a_frame_that_is_not_there_is_refused(images: Images, text: str, status: int) -> None:
    with pytest.raises(Refusal) as refused:
        frame_numbers(text, images.of("1.2.3", "1.2.3.2")[0])
    assert refused.value.status == status


@pytest.mark.parametrize("tags", [{"BitsAllocated": 1}, {"PixelData": None}])
def test_what_would_have_to_be_unpacked_is_not_sent(make: Make, tags: Mapping[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        frame_bytes(make(**tags), (1,))
    assert refused.value.status == 406


def test_compressed_frames_are_not_sent_as_plain_ones_and_junk_is_not_drawn(make: Make) -> None:
    from pydicom.encaps import encapsulate

    image = make(syntax=JPEG2000Lossless, PixelData=encapsulate([b"no image at all "]))
    for act in (lambda: frame_bytes(image, (1,)), lambda: rendered(image, View(), "image/png")):
        with pytest.raises(Refusal) as refused:
            act()
        assert refused.value.status == 406


@pytest.mark.parametrize(
    ("given", "view"),
    [
        ({}, View()),
        ({"viewport": "512,256"}, View(viewport=(512, 256))),
        ({"window": "40,400,linear"}, View(window=(40, 400))),
        ({"window": "-600,1500,LINEAR", "quality": "50"}, View(window=(-600, 1500), quality=50)),
    ],
)
def test_a_view_is_read(given: dict[str, str], view: View) -> None:
    assert read_view(given) == view


@pytest.mark.parametrize(
    "given",
    [
        {"viewport": "512"},
        {"viewport": "0,5"},
        {"viewport": "5000,5"},
        {"viewport": "1,1,0,0,5,5"},
        {"viewport": "nan,1"},
        {"window": "40,400"},
        {"window": "40,0,linear"},
        {"window": "40,400,sigmoid"},
        {"window": "inf,400,linear"},
        {"quality": "0"},
        {"quality": "best"},
    ],
)
def test_a_view_that_cannot_be_had_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        read_view(given)
    assert refused.value.status == 400
