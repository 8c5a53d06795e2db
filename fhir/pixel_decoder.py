"""A DICOM, PNG or JPEG file to pixels for display, its identifying tags, and how it was rendered.

Run in the child of `fhir/pixel_worker.py` alone: this is what parses files that nobody vouches for. No message quotes one.
"""

from __future__ import annotations

import io
import math
import struct
from typing import Any

import numpy as np
import pydicom
from PIL import Image, ImageOps
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.uid import (
    UID,
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from fhir.pixel_rendering import Pixels, by_percentile, render

MAX_PIXELS = 64_000_000
MAX_FRAMES = 100_000
TAGS = (
    "PatientID",
    "IssuerOfPatientID",
    "OtherPatientIDs",
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
FUNCTIONAL_GROUPS = ("PixelValueTransformationSequence", "FrameVOILUTSequence", "PixelMeasuresSequence")
"""Where an enhanced multi-frame object keeps what a plain one has at its top (DICOM PS3.3 C.7.6.16)."""
SLICES = ("CT", "MR", "PT", "NM")
"""Modalities whose frames are slices: the middle one shows more than the first."""
PREAMBLES = (
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a program"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "an archive"),
    (b"#!", "a script"),
)


class Refused(Exception):
    """A file that will not be decoded; the message says why, without its content."""


def syntaxes() -> list[tuple[str, str, bool, str]]:
    """(UID, name, whether it can be decoded here, by which library; "" for none or for pydicom itself) of every transfer syntax."""
    return [(str(uid), UID(uid).name, *_decoder(str(uid))) for uid in AllTransferSyntaxes]


def _decoder(uid: str) -> tuple[bool, str]:
    if uid == DeflatedExplicitVRLittleEndian:
        return False, ""
    try:
        decoder = get_decoder(UID(uid))
    except NotImplementedError:
        return False, ""
    return decoder.is_available, next(iter(decoder.available_plugins), "")


def decode(data: bytes, frame: int = 0) -> tuple[Pixels, str, dict[str, str], list[str]]:
    """Pixels 0 .. 1 for display, kind, identifying tags, notes on the rendering. `frame` is counted from 1; 0: chosen here."""
    form = "PNG" if data[:8] == b"\x89PNG\r\n\x1a\n" else "JPEG" if data[:3] == b"\xff\xd8\xff" else None
    if form is None:
        return _dicom(data, frame)
    if data[128:132] == b"DICM":
        raise Refused("it begins like two kinds of file at once, of which one carries an identity and the other none")
    return _picture(data, form)


def _picture(data: bytes, form: str) -> tuple[Pixels, str, dict[str, str], list[str]]:
    notes = []
    if form == "PNG":
        _check_sums(data)
    with Image.open(io.BytesIO(data), formats=[form]) as image:
        _check_size(image.height, image.width)
        if getattr(image, "n_frames", 1) > 1:
            notes.append("first of several frames")
        if image.mode in ("I;16", "I;16B", "I;16L", "I"):
            pixels = np.asarray(image, np.float32)
            return by_percentile(pixels, notes, None), form.lower(), {}, notes
        if image.getexif().get(0x0112, 1) != 1:
            notes.append("turned as its EXIF orientation says")
        upright = ImageOps.exif_transpose(image)
        if upright.mode not in ("L", "1"):
            notes.append(f"{upright.mode} turned to luminance")
            upright = upright.convert("RGB") if upright.mode != "RGB" else upright
        return np.asarray(upright.convert("L"), np.float32) / np.float32(255), form.lower(), {}, notes


def _check_sums(data: bytes) -> None:
    """Each chunk of a PNG has a checksum, which reading the pixels does not look at: a flipped bit would be another picture."""
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        try:
            image.verify()
        except (SyntaxError, OSError, ValueError) as error:
            raise Refused(f"it cannot be decoded ({type(error).__name__})") from error


def _check_size(rows: int, columns: int) -> None:
    if rows <= 0 or columns <= 0:
        raise Refused("it has no rows or no columns")
    if rows * columns > MAX_PIXELS:
        raise Refused(f"it has more than {MAX_PIXELS // 1_000_000} million pixels")


def _dicom(data: bytes, frame: int) -> tuple[Pixels, str, dict[str, str], list[str]]:
    dataset = _dataset(data)
    tags = {tag: text for tag in TAGS if (text := _text(dataset, tag))}
    others = [_text(item, "PatientID") for item in dataset.get("OtherPatientIDsSequence") or ()]
    if others:
        tags["OtherPatientIDs"] = "\\".join(filter(None, (tags.get("OtherPatientIDs"), *others)))[:256]
    if "PixelData" not in dataset:
        raise Refused("it is DICOM without an image")
    _require_syntax(str(dataset.file_meta.TransferSyntaxUID))
    _check_size(int(dataset.Rows), int(dataset.Columns))
    notes: list[str] = []
    index = _frame(dataset, frame, notes)
    _spread(dataset, index)
    return render(dataset, index, notes), "dicom", tags, [*notes, *_facts(dataset, tags), *_preamble(data)]


def _frame(dataset: Dataset, asked: int, notes: list[str]) -> int:
    """Which frame, counted from 0: the one asked for, else the middle one of slices, else the first."""
    frames = int(dataset.get("NumberOfFrames") or 1)
    if not 0 < frames <= MAX_FRAMES:
        raise Refused("it has an impossible number of frames")
    if asked > frames:
        raise Refused("it has fewer frames than the one asked for")
    chosen = asked or (frames // 2 + 1 if str(dataset.get("Modality")) in SLICES else 1)
    if frames > 1:
        notes.append(f"first of {frames} frames" if chosen == 1 else f"frame {chosen} of {frames}")
    return chosen - 1


def _spread(dataset: Dataset, index: int) -> None:
    """Put what the functional groups say of this frame, else of all, where a plain object has it."""
    groups = [*(dataset.get("PerFrameFunctionalGroupsSequence") or ())[index : index + 1]]
    groups += (dataset.get("SharedFunctionalGroupsSequence") or ())[:1]
    for item in (item for group in groups for name in FUNCTIONAL_GROUPS for item in (group.get(name) or ())[:1]):
        for element in item:
            if element.tag not in dataset:
                dataset.add(element)


def _require_syntax(uid: str) -> None:
    """Refuse by name what this installation cannot decode: the name is the standard's, never the file's."""
    name = UID(uid).name if UID(uid) in AllTransferSyntaxes else ""
    if not name:
        raise Refused("its transfer syntax is none that is known")
    if "MPEG" in name or "HEVC" in name or "SMPTE" in name:
        raise Refused(f"its transfer syntax is video ({name}), which is not decoded")
    if not _decoder(uid)[0]:
        raise Refused(f"its transfer syntax is {name}, which this installation cannot decode")


def _facts(dataset: Dataset, tags: dict[str, str]) -> list[str]:
    """What a viewer would write beside the image: only what the standard enumerates, and numbers."""
    notes = [f"photometric interpretation {dataset.PhotometricInterpretation}"]
    for name, words in (("ViewPosition", "view"), ("ImageLaterality", "laterality"), ("Laterality", "laterality")):
        value = tags.get(name, "")
        if value.isalnum() and value.isupper() and len(value) <= 4 and f"{words} {value}" not in notes:
            notes.append(f"{words} {value}")
    for name, where in (("PixelSpacing", ""), ("ImagerPixelSpacing", " at the detector")):
        spacing = _numbers(dataset.get(name))
        if len(spacing) == 2:
            notes.append(f"{spacing[0]:g} x {spacing[1]:g} mm a pixel{where}")
            break
    if tags.get("BurnedInAnnotation", "").upper() == "YES":
        notes.append("text is burned into the image")
    if tags.get("LossyImageCompression") == "01":
        notes.append("lossy compression")
    return notes


def _numbers(value: Any) -> list[float]:
    """Finite numbers above 0 of a multi-valued attribute."""
    values = list(value) if isinstance(value, pydicom.multival.MultiValue) else []
    return [float(one) for one in values if 0 < float(one) < math.inf]


def _preamble(data: bytes) -> list[str]:
    """A file's first 128 bytes are nobody's (DICOM PS3.10 7.1), and may make it a program as well. They are read by nothing here."""
    kind = next((kind for start, kind in PREAMBLES if data.startswith(start)), None)
    return [f"its preamble is the beginning of {kind}, and was passed over"] if kind else []


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
