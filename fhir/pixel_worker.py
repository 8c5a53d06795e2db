"""The process that decodes images nobody vouches for. Run as a script with `python -I`; it imports nothing of Sidenote.

It waits for jobs on standard input and forks for each: the fork has little memory, little time and one file to look at, so that
a bomb or a crash in a codec ends the fork and nothing else. A job is 8 bytes of length (big endian) and the file. The answer
is 4 bytes of header length, a JSON header, and the pixels as little-endian uint16, [rows, columns].

Header: {"ok": true, "rows", "columns", "kind", "tags", "notes"} or {"ok": false, "reason"}. A reason never quotes the file.
"""

from __future__ import annotations

import io
import json
import math
import os
import resource
import signal
import struct
import sys
import warnings
from typing import Any, BinaryIO

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image, ImageOps
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, pixel_array
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

MEMORY = 1 << 30
CPU_SECONDS = 15
WALL_SECONDS = 20
MAX_PIXELS = 64_000_000
MOST_SHOWN = 12_000_000
"""Pixels handed back at most; more are averaged block by block. The caller holds several pictures and copies of them, and a file
of a few kilobytes may say that it has 64 million pixels. No reader looks at more than a few million."""
MAX_FRAMES = 100_000
TAGS = (
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "SOPClassUID",
    "AccessionNumber",
    "StudyDate",
    "Modality",
    "BodyPartExamined",
    "ViewPosition",
    "Laterality",
    "ImageLaterality",
    "PatientOrientation",
    "BurnedInAnnotation",
    "PhotometricInterpretation",
    "BitsStored",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "LossyImageCompression",
)
UNREADABLE = (
    InvalidDicomError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    OverflowError,
    struct.error,
    SyntaxError,
)
"""What pydicom and Pillow raise on broken files."""

Pixels = NDArray[np.float32]


class Refused(Exception):
    """A file that will not be decoded; the message says why, without its content."""


def main() -> None:
    """Serve jobs until standard input ends. A fork that died ends this process too: its caller starts a fresh one."""
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    Image.preinit()
    source, sink = os.fdopen(0, "rb", buffering=0), os.fdopen(1, "wb", buffering=0)
    while len(head := source.read(8) or b"") == 8:
        job = os.fork()
        if job == 0:
            _work(source, sink, struct.unpack(">Q", head)[0])
        status = os.waitpid(job, 0)[1]
        if status != 0:
            sys.exit(1)


def _work(source: BinaryIO, sink: BinaryIO, length: int) -> None:
    """In the fork: limits first, then the file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    signal.alarm(WALL_SECONDS)
    answer, pixels = _answer(_read_exactly(source, length))
    header = json.dumps(answer).encode()
    _write(sink, struct.pack(">I", len(header)) + header)
    _write(sink, pixels)
    os._exit(0)


def _answer(data: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        pixels, kind, tags, notes = decode(data)
    except Refused as error:
        return {"ok": False, "reason": str(error)}, b""
    except MemoryError:
        return {"ok": False, "reason": "it needs more memory than is allowed"}, b""
    except RecursionError:
        return {"ok": False, "reason": "its data are nested too deep"}, b""
    except Image.DecompressionBombError:
        return {"ok": False, "reason": f"it has more than {MAX_PIXELS // 1_000_000} million pixels"}, b""
    except UNREADABLE as error:
        return {"ok": False, "reason": f"it cannot be decoded ({type(error).__name__})"}, b""
    pixels = _reduced(pixels, notes)
    rows, columns = pixels.shape
    np.multiply(pixels, 65535, out=pixels)
    out = np.rint(pixels, out=pixels).astype("<u2")
    return {"ok": True, "rows": rows, "columns": columns, "kind": kind, "tags": tags, "notes": notes}, out.tobytes()


def _reduced(pixels: Pixels, notes: list[str]) -> Pixels:
    """Means over blocks of n x n pixels, n the smallest that leaves at most MOST_SHOWN; what is left of a block at an edge is cut."""
    factor = math.ceil(math.sqrt(pixels.size / MOST_SHOWN))
    rows, columns = (max(1, side // factor) for side in pixels.shape)
    if factor < 2 or min(pixels.shape) < factor:
        return pixels
    notes.append(f"reduced {factor} times from {pixels.shape[0]} x {pixels.shape[1]}")
    blocks = pixels[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float32))


def _read_exactly(source: BinaryIO, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        part = source.read(min(length - len(data), 1 << 20))
        if not part:
            os._exit(1)
        data += part
    return bytes(data)


def _write(sink: BinaryIO, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[sink.write(view) :]


def decode(data: bytes) -> tuple[Pixels, str, dict[str, str], list[str]]:
    """Pixels 0 .. 1 for display, kind, identifying tags, notes on the rendering."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return _picture(data, "PNG")
    if data[:3] == b"\xff\xd8\xff":
        return _picture(data, "JPEG")
    return _dicom(data)


def _check_size(rows: int, columns: int) -> None:
    if rows <= 0 or columns <= 0:
        raise Refused("it has no rows or no columns")
    if rows * columns > MAX_PIXELS:
        raise Refused(f"it has more than {MAX_PIXELS // 1_000_000} million pixels")


def _picture(data: bytes, form: str) -> tuple[Pixels, str, dict[str, str], list[str]]:
    notes = []
    with Image.open(io.BytesIO(data), formats=[form]) as image:
        _check_size(image.height, image.width)
        if getattr(image, "n_frames", 1) > 1:
            notes.append("first of several frames")
        if image.mode in ("I;16", "I;16B", "I;16L", "I"):
            pixels = np.asarray(image, np.float32)
            return _by_percentile(pixels, notes, None), form.lower(), {}, notes
        if image.getexif().get(0x0112, 1) != 1:
            notes.append("turned as its EXIF orientation says")
        upright = ImageOps.exif_transpose(image)
        if upright.mode not in ("L", "1"):
            notes.append(f"{upright.mode} turned to luminance")
            upright = upright.convert("RGB") if upright.mode != "RGB" else upright
        return np.asarray(upright.convert("L"), np.float32) / np.float32(255), form.lower(), {}, notes


def _dicom(data: bytes) -> tuple[Pixels, str, dict[str, str], list[str]]:
    dataset = _dataset(data)
    tags = {tag: text for tag in TAGS if (text := _text(dataset, tag))}
    if "PixelData" not in dataset:
        raise Refused("it is DICOM without an image")
    _check_size(int(dataset.Rows), int(dataset.Columns))
    notes = []
    frames = int(dataset.get("NumberOfFrames") or 1)
    if not 0 < frames <= MAX_FRAMES:
        raise Refused("it has an impossible number of frames")
    if frames > 1:
        notes.append(f"first of {frames} frames")
    return _render(dataset, notes), "dicom", tags, notes


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    if value is None or isinstance(value, (bytes, pydicom.Sequence)):
        return ""
    return ("\\".join(map(str, value)) if isinstance(value, pydicom.multival.MultiValue) else str(value)).strip()[:256]


def _dataset(data: bytes) -> Dataset:
    if data[128:132] != b"DICM" and not _bare(data):
        raise Refused("it is not DICOM, PNG or JPEG")
    if _transfer_syntax(data) == DeflatedExplicitVRLittleEndian:
        raise Refused("its transfer syntax is Deflated, which is not accepted")
    dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = _guess(dataset)
    return dataset


def _bare(data: bytes) -> bool:
    """Whether it begins like a data set without preamble: group 2 or 8, and a value representation or a small length."""
    group = data[:2]
    if group not in (b"\x02\x00", b"\x08\x00", b"\x00\x08"):
        return False
    return (data[4:6].isalpha() and data[4:6].isupper()) or b"\x00\x00" in (data[4:6], data[6:8])


def _guess(dataset: Dataset) -> str:
    little, implicit = dataset.original_encoding[1], dataset.original_encoding[0]
    if implicit:
        return str(ImplicitVRLittleEndian)
    return str(ExplicitVRLittleEndian if little else ExplicitVRBigEndian)


def _transfer_syntax(data: bytes) -> str | None:
    """(0002,0010) read by hand, since a parser would inflate a deflated data set first. DICOM PS3.10 section 7.1."""
    at = 132 if data[128:132] == b"DICM" else 0
    while data[at : at + 2] == b"\x02\x00" and at + 12 <= len(data):
        element, representation = data[at + 2 : at + 4], data[at + 4 : at + 6]
        long = representation in (b"OB", b"OW", b"UN", b"UT", b"SQ")
        length = struct.unpack_from("<I", data, at + 8)[0] if long else struct.unpack_from("<H", data, at + 6)[0]
        start = at + (12 if long else 8)
        if element == b"\x10\x00":
            return data[start : start + length].rstrip(b"\x00 ").decode("ascii", "replace")
        at = start + length
    return None


def _render(dataset: Dataset, notes: list[str]) -> Pixels:
    photometric = str(dataset.PhotometricInterpretation)
    stored = pixel_array(dataset, index=0)
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
        notes.append("rescale applied")
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
        if int(dataset.BitsStored) <= 8 and "rescale applied" not in notes:
            notes.append("no window: whole stored range shown")
            low = -(2 ** (int(dataset.BitsStored) - 1)) if dataset.PixelRepresentation else 0
            return _stretch(pixels, low, low + 2 ** int(dataset.BitsStored) - 1)
        return _by_percentile(pixels, notes, padding)
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


def _by_percentile(pixels: Pixels, notes: list[str], padding: NDArray[np.bool_] | None) -> Pixels:
    notes.append("no window: percentiles 0.5 to 99.5 shown")
    shown = pixels if padding is None else pixels[~padding]
    sample = shown.ravel()[:: max(1, shown.size // 1_000_000)]
    low, high = np.percentile(sample, (0.5, 99.5))
    return _stretch(pixels, float(low), float(high))


def _stretch(pixels: Pixels, low: float, high: float) -> Pixels:
    pixels -= np.float32(low)
    pixels /= np.float32(high - low if high > low else 1)
    return np.clip(pixels, 0, 1, out=pixels)


if __name__ == "__main__":
    main()
