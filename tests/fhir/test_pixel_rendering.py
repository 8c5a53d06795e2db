"""Stored values to what is shown, on data sets in memory: the arithmetic of DICOM PS3.3 C.11 beside a second, plain one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from fhir.pixel_rendering import by_percentile, render


def data_set(pixels: np.ndarray, **tags: Any) -> Dataset:
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.PhotometricInterpretation, found.SamplesPerPixel = "MONOCHROME2", 1
    found.Rows, found.Columns = pixels.shape
    found.BitsAllocated = found.BitsStored = pixels.dtype.itemsize * 8
    found.HighBit, found.PixelRepresentation = found.BitsStored - 1, int(pixels.dtype.kind == "i")
    found.PixelData = pixels.tobytes()
    found["PixelData"].VR = "OW"
    for keyword, value in tags.items():
        setattr(found, keyword, value)
    return found


def shown(pixels: np.ndarray, **tags: Any) -> tuple[list[float], list[str]]:
    notes: list[str] = []
    return [float(value) for value in render(data_set(pixels, **tags), 0, notes).ravel()], notes


def linear(value: float, center: float, width: float) -> float:
    """The pseudo-code of PS3.3 C.11.2.1.2.1, y from 0 to 1."""
    if value <= center - 0.5 - (width - 1) / 2:
        return 0
    if value > center - 0.5 + (width - 1) / 2:
        return 1
    return (value - (center - 0.5)) / (width - 1) + 0.5


def exact(value: float, center: float, width: float) -> float:
    return min(1, max(0, (value - center) / width + 0.5))


def sigmoid(value: float, center: float, width: float) -> float:
    return 1 / (1 + math.exp(min(700, -4 * (value - center) / width)))


@pytest.mark.std("D5")
@pytest.mark.parametrize(("function", "plain"), [("LINEAR", linear), ("LINEAR_EXACT", exact), ("SIGMOID", sigmoid)])
@settings(max_examples=30)
@given(st.integers(-2000, 2000), st.integers(2, 4000), st.sampled_from([(1, 0), (2, -1024), (0.5, 100)]))
def test_a_window_is_the_pseudo_code_of_the_standard(
    function: str, plain: Any, center: int, width: int, rescale: tuple[float, float]
) -> None:
    stored = np.array([[-3000, -1024, -1, 0], [1, 40, 1000, 3000]], np.int16)
    slope, intercept = rescale
    pixels, notes = shown(
        stored, WindowCenter=center, WindowWidth=width, VOILUTFunction=function, RescaleSlope=slope, RescaleIntercept=intercept
    )
    wanted = [plain(float(value) * slope + intercept, center, width) for value in stored.ravel()]
    np.testing.assert_allclose(pixels, wanted, atol=1e-3)
    assert notes[-1] == f"window {center}/{width} {function}"
    assert (f"rescale slope {slope:g}, intercept {intercept:g}" in notes) is (rescale != (1, 0))


@pytest.mark.std("D5")
def test_of_several_windows_the_first_is_used_and_said() -> None:
    assert shown(np.array([[0, 100]], np.uint16), WindowCenter=[50, 900], WindowWidth=[100, 10])[1] == ["window 50/100 LINEAR"]


@pytest.mark.std("D5")
def test_eight_bits_without_a_window_are_shown_whole() -> None:
    pixels, notes = shown(np.array([[0, 51, 255]], np.uint8))
    assert pixels == pytest.approx([0, 0.2, 1])
    assert notes == ["no window: whole stored range shown"]


@pytest.mark.std("D5")
def test_a_lookup_table_goes_before_a_window() -> None:
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [3, 0, 8], [0, 255, 128]
    pixels, notes = shown(np.array([[0, 1, 2]], np.uint16), VOILUTSequence=[table], WindowCenter=1, WindowWidth=2)
    assert pixels == pytest.approx([0, 1, 128 / 255], abs=0.01)
    assert notes == ["VOI LUT applied"]


@pytest.mark.std("D5")
def test_padding_is_black_and_a_negative_is_turned_round() -> None:
    stored = np.array([[0, 50, 100, 9999]], np.uint16)
    tags = {"WindowCenter": 50.5, "WindowWidth": 101, "PixelPaddingValue": 9999}
    assert shown(stored, **tags)[0] == pytest.approx([0, 0.5, 1, 0])
    pixels, notes = shown(stored, PhotometricInterpretation="MONOCHROME1", **tags)
    assert pixels == pytest.approx([1, 0.5, 0, 0])
    assert notes[-1] == "MONOCHROME1 inverted"


def test_percentiles_are_those_of_what_is_not_padding() -> None:
    pixels = np.concatenate([np.full(5000, 9999), np.arange(1000)]).astype(np.float32).reshape(60, 100)
    notes: list[str] = []
    stretched = by_percentile(pixels.copy(), notes, pixels == 9999)
    assert stretched[pixels < 9999].mean() == pytest.approx(0.5, abs=0.01)
    assert notes == ["no window: percentiles 0.5 to 99.5 shown"]
    flat = by_percentile(np.full((4, 4), 7, np.float32), [], None)
    assert flat.max() == 0
