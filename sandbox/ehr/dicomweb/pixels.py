"""Frames as they are stored, and pictures as they are looked at (DICOM PS3.18, 8.3.5 and 10.4.1.1.3; PS3.3, C.11.1, C.11.2)."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image as Picture
from pydicom.dataset import Dataset
from pydicom.pixels import apply_rescale, apply_voi_lut
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from sandbox.ehr.dicomweb.images import Image
from sandbox.ehr.outcome import Refusal

_NATIVE = frozenset((str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)))
_LARGEST = 4096


@dataclass(frozen=True, slots=True)
class View:
    """How a picture is wanted: within `viewport` (columns, rows), windowed by `window` (centre, width), JPEG at `quality`."""

    viewport: tuple[int, int] | None = None
    window: tuple[float, float] | None = None
    quality: int = 90


def read_view(given: Mapping[str, str]) -> View:
    """Read the parameters of a rendering.

    Raises:
        Refusal: 400 for numbers that are none or out of bounds, and for a window function or part of an image, which are not offered.
    """
    viewport = _numbers("viewport", given["viewport"], 2) if "viewport" in given else None
    window = None
    if "window" in given:
        text, _, function = given["window"].rpartition(",")
        if function.lower() != "linear":
            raise Refusal(400, "window is centre,width,linear")
        window = _numbers("window", text, 2)
    (quality,) = _numbers("quality", given.get("quality", "90"), 1)
    if not 1 <= quality <= 100 or (window and window[1] < 1) or (viewport and not all(1 <= each <= _LARGEST for each in viewport)):
        raise Refusal(400, "viewport, window width or quality out of bounds")
    return View((int(viewport[0]), int(viewport[1])) if viewport else None, (window[0], window[1]) if window else None, int(quality))


def _numbers(name: str, text: str, count: int) -> tuple[float, ...]:
    try:
        found = tuple(float(each) for each in text.split(","))
    except ValueError:
        found = ()
    if len(found) != count or not all(math.isfinite(each) for each in found):
        raise Refusal(400, f"{name} takes {count} numbers")
    return found


def frame_numbers(text: str, image: Image) -> tuple[int, ...]:
    """The numbers of a frame list, from 1.

    Raises:
        Refusal: 400 for what is no list of numbers; 404 for a frame that is not there.
    """
    parts = text.split(",")
    if not all(each.isascii() and each.isdigit() for each in parts):
        raise Refusal(400, "a frame list is numbers with commas")
    numbers = tuple(int(each) for each in parts)
    if not all(1 <= each <= _frames(image.header) for each in numbers):
        raise Refusal(404, "no such frame")
    return numbers


def _frames(header: Dataset) -> int:
    return int(header.get("NumberOfFrames", None) or 1)


def frame_bytes(image: Image, numbers: tuple[int, ...]) -> tuple[bytes, ...]:
    """The pixels of frames, little endian, as they are stored.

    Raises:
        Refusal: 406 where they are compressed, packed or not there: nothing is transcoded.
    """
    whole = image.whole()
    bits = int(whole.get("BitsAllocated", 0))
    length = int(whole.get("Rows", 0)) * int(whole.get("Columns", 0)) * int(whole.get("SamplesPerPixel", 1)) * bits // 8
    pixels: bytes = whole.get("PixelData") or b""
    if image.transfer_syntax not in _NATIVE or bits not in (8, 16, 32) or len(pixels) < length * max(numbers):
        raise Refusal(406, "the frames are stored in another form, and nothing is transcoded")
    return tuple(pixels[(number - 1) * length : number * length] for number in numbers)


def rendered(image: Image, view: View, type_: str, number: int = 1) -> bytes:
    """A frame as a picture, with nothing of the patient written in it.

    Raises:
        Refusal: 406 where it cannot be drawn.
    """
    try:
        drawn = _drawn(image, view, number - 1)
    except (ValueError, RuntimeError, AttributeError, NotImplementedError) as error:
        raise Refusal(406, "this cannot be drawn") from error
    if view.viewport is not None:
        columns, rows = view.viewport
        factor = min(columns / drawn.width, rows / drawn.height)
        size = (max(1, round(drawn.width * factor)), max(1, round(drawn.height * factor)))
        drawn = drawn.resize(size, Picture.Resampling.LANCZOS)
    out = io.BytesIO()
    if type_ == "image/png":
        drawn.save(out, "PNG")
    else:
        drawn.save(out, "JPEG", quality=view.quality)
    return out.getvalue()


def _drawn(image: Image, view: View, index: int) -> Picture.Image:
    whole = image.whole()
    pixels = whole.pixel_array
    if _frames(whole) > 1:
        pixels = pixels[index]
    if int(whole.get("SamplesPerPixel", 1)) == 3:
        return Picture.fromarray(pixels.astype(np.uint8))
    grey = _grey(whole, pixels, view)
    return Picture.fromarray(255 - grey if whole.PhotometricInterpretation == "MONOCHROME1" else grey)


def _grey(whole: Dataset, pixels: np.ndarray[Any, Any], view: View) -> np.ndarray[Any, Any]:
    """0 to 255 through rescale and window: the one asked for, else the image's own, else its whole range."""
    if view.window is not None:
        whole.WindowCenter, whole.WindowWidth = view.window
        whole.VOILUTFunction = "LINEAR"
    values = apply_rescale(pixels, whole).astype(np.float64)
    if "WindowCenter" in whole:
        values = apply_voi_lut(values, whole, prefer_lut=False)
        low, high = _output_range(whole)
    else:
        low, high = float(values.min()), float(values.max())
    scaled = (values - low) / max(high - low, 1e-9) * 255
    return np.asarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8))


def _output_range(whole: Dataset) -> tuple[float, float]:
    """What `apply_voi_lut` maps to: the range that the stored bits can hold after rescaling."""
    bits, signed = int(whole.BitsStored), int(whole.PixelRepresentation) == 1
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    slope, intercept = float(whole.get("RescaleSlope", 1)), float(whole.get("RescaleIntercept", 0))
    return low * slope + intercept, high * slope + intercept
