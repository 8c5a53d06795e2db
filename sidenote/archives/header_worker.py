"""The process that reads headers and text reports of DICOM files nobody vouches for; pixels are never touched here.

It reads a path a line (JSON) on standard input and answers with one JSON line: {"ok": true, "tags", "others", "image", "report"} or
{"ok": false, "reason"}. It has little memory and little time for each file: a file that takes more ends this process, and the caller
starts another. Deflated objects are refused before they are parsed, since parsing inflates them (FAULTS F11). No reason quotes a file.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

MEMORY = 1 << 30
SECONDS = 20
DEEPEST = 24
LONGEST_REPORT = 100_000
TAGS = (
    "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge", "StudyInstanceUID", "SOPInstanceUID",
    "AccessionNumber", "StudyDate", "Modality", "BodyPartExamined", "ViewPosition", "BurnedInAnnotation", "CompletionFlag",
    "ContentDate", "ContentTime",
)  # fmt: skip
"""DICOM PS3.6 keywords that are read of a header."""
UNREADABLE = (
    InvalidDicomError, ValueError, TypeError, KeyError, IndexError, AttributeError, NotImplementedError, RuntimeError, EOFError, OSError,
    OverflowError, AssertionError,
)  # fmt: skip


def main() -> None:
    """Serve paths until standard input ends."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    for line in sys.stdin:
        signal.alarm(SECONDS)
        answer = header(Path(json.loads(line)))
        signal.alarm(0)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def header(path: Path) -> dict[str, Any]:
    """What a file says of itself, or why it was not read."""
    try:
        if str(read_file_meta_info(path).get("TransferSyntaxUID", "")) == DeflatedExplicitVRLittleEndian:
            return {"ok": False, "reason": "file is deflated, which is not accepted"}
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        return {"ok": True, "tags": _tags(dataset), "others": _others(dataset), "image": "Rows" in dataset, "report": _report(dataset)}
    except (MemoryError, RecursionError):
        return {"ok": False, "reason": "file needs more than a header may"}
    except UNREADABLE:
        return {"ok": False, "reason": "file cannot be read as DICOM"}


def _tags(dataset: Dataset) -> dict[str, str]:
    return {tag: text for tag in TAGS if (text := _text(dataset.get(tag)))}


def _text(value: Any) -> str:
    """The first 256 characters of a single value, of several the first."""
    if value is None or isinstance(value, (bytes, pydicom.Sequence)):
        return ""
    if isinstance(value, pydicom.multival.MultiValue):
        value = value[0] if value else ""
    return str(value).replace("\0", "").strip()[:256]


def _others(dataset: Dataset) -> list[tuple[str, str]]:
    """(number, issuer) of OtherPatientIDsSequence (0010,1002) and of the retired OtherPatientIDs (0010,1000)."""
    items = [(_text(item.get("PatientID")), _text(item.get("IssuerOfPatientID"))) for item in dataset.get("OtherPatientIDsSequence") or ()]
    retired = dataset.get("OtherPatientIDs")
    values = list(retired) if isinstance(retired, pydicom.multival.MultiValue) else [retired]
    return [(number, issuer) for number, issuer in [*items, *((_text(value), "") for value in values)] if number][:64]


def _report(dataset: Dataset) -> str:
    """The text of a structured report (PS3.3 C.17.3): headings and TEXT items in their order; names of persons are left out."""
    if _text(dataset.get("Modality")) != "SR":
        return ""
    return "\n".join(_lines(dataset, 0))[:LONGEST_REPORT].strip()


def _lines(dataset: Dataset, depth: int) -> Iterator[str]:
    for item in (dataset.get("ContentSequence") or ()) if depth < DEEPEST else ():
        heading = next((_text(name.get("CodeMeaning")) for name in item.get("ConceptNameCodeSequence") or ()), "")
        kind = _text(item.get("ValueType"))
        if kind == "CONTAINER" and heading:
            yield f"{heading.upper()}:"
        if kind == "TEXT" and _text(item.get("RelationshipType")) == "CONTAINS":
            yield str(item.get("TextValue") or "").replace("\0", "").strip()
        yield from _lines(item, depth + 1)


if __name__ == "__main__":
    main()
