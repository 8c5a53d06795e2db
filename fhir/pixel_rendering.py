"""Stored pixel values to pixels for display: modality LUT or rescale, VOI LUT or window, photometric interpretation (DICOM PS3.3 C.11).

Run in the child of `fhir/pixel_worker.py` alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, pixel_array

Pixels = NDArray[np.float32]


def render(dataset: Dataset, index: int, notes: list[str]) -> Pixels:
    """Frame `index` (from 0) as [rows, columns], 0 .. 1, air black; how is added to `notes`."""
    photometric = str(dataset.PhotometricInterpretation)
    stored = pixel_array(dataset, index=index)
    if photometric == "PALETTE COLOR":
        stored = apply_color_lut(stored, dataset)
        stored = stored / np.float32(np.iinfo(stored.dtype).max) * 255
    if stored.ndim == 3:
        notes.append(f"{photometric} turned to luminance")
        luminance = stored[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
        return _stretch(luminance, 0, _white(dataset, photometric))
    padding = _padding(dataset, stored)
    pixels = _window(dataset, _rescaled(dataset, stored, notes), padding, notes)
    if photometric == "MONOCHROME1":
        notes.append("MONOCHROME1 inverted")
        np.subtract(1, pixels, out=pixels)
    if padding is not None:
        pixels[padding] = 0
    return pixels


def _white(dataset: Dataset, photometric: str) -> int:
    return 255 if photometric == "PALETTE COLOR" else int(2 ** int(dataset.BitsStored) - 1)


def _padding(dataset: Dataset, stored: NDArray[Any]) -> NDArray[np.bool_] | None:
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return None
    limit = dataset.get("PixelPaddingRangeLimit", value)
    found: NDArray[np.bool_] = (stored >= min(value, limit)) & (stored <= max(value, limit))
    return found if found.any() and not found.all() else None


def _rescaled(dataset: Dataset, stored: NDArray[Any], notes: list[str]) -> Pixels:
    if "ModalityLUTSequence" in dataset:
        notes.append("modality LUT applied")
        return np.asarray(apply_modality_lut(stored, dataset), np.float32)
    pixels = stored.astype(np.float32)
    slope, intercept = float(dataset.get("RescaleSlope") or 1), float(dataset.get("RescaleIntercept") or 0)
    if (slope, intercept) != (1, 0):
        notes.append(f"rescale slope {slope:g}, intercept {intercept:g}")
        pixels *= np.float32(slope)
        pixels += np.float32(intercept)
    return pixels


def _window(dataset: Dataset, pixels: Pixels, padding: NDArray[np.bool_] | None, notes: list[str]) -> Pixels:
    """DICOM PS3.3 C.11.2: VOI LUT, else the first window, else the whole stored range (8 bit) or percentiles."""
    if "VOILUTSequence" in dataset:
        notes.append("VOI LUT applied")
        shown = apply_voi_lut(pixels.astype(np.int32), dataset, prefer_lut=True).astype(np.float32)
        return _stretch(shown, float(shown.min()), float(shown.max()))
    center, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    if center is None or width is None or width <= 0:
        if int(dataset.BitsStored) <= 8 and not any(note.startswith("rescale ") for note in notes):
            notes.append("no window: whole stored range shown")
            low = -(2 ** (int(dataset.BitsStored) - 1)) if dataset.PixelRepresentation else 0
            return _stretch(pixels, low, low + 2 ** int(dataset.BitsStored) - 1)
        return by_percentile(pixels, notes, padding)
    function = str(dataset.get("VOILUTFunction") or "LINEAR")
    notes.append(f"window {center:g}/{width:g} {function}")
    if function == "SIGMOID":
        pixels -= np.float32(center)
        pixels *= np.float32(-4 / width)
        return (1 / (1 + np.exp(np.clip(pixels, -60, 60)))).astype(np.float32)
    if function == "LINEAR_EXACT" or width <= 1:
        return _stretch(pixels, center - width / 2, center + width / 2)
    return _stretch(pixels, center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2)


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    return float(value[0]) if isinstance(value, pydicom.multival.MultiValue) else float(value)


def by_percentile(pixels: Pixels, notes: list[str], padding: NDArray[np.bool_] | None) -> Pixels:
    """The middle 99 of 100 values over the whole range of display."""
    notes.append("no window: percentiles 0.5 to 99.5 shown")
    shown = pixels if padding is None else pixels[~padding]
    sample = shown.ravel()[:: max(1, shown.size // 1_000_000)]
    low, high = np.percentile(sample, (0.5, 99.5))
    return _stretch(pixels, float(low), float(high))


def _stretch(pixels: Pixels, low: float, high: float) -> Pixels:
    pixels -= np.float32(low)
    pixels /= np.float32(high - low if high > low else 1)
    return np.clip(pixels, 0, 1, out=pixels)
