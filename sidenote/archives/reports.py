"""Reports that lie beside DICOM files: `reports.jsonl`, text files named by their study, and structured reports.

A report names its study by Study Instance UID or by accession number. Of one study the line of `reports.jsonl` counts before the
text file, and that before a structured report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from retrieval.archive.case_line import (
    Consent,
    FindingLine,
    Identifier,
    Licence,
    Outcome,
    Report,
    Site,
    Strict,
    day,
    read_strictly,
    strict_json,
)
from retrieval.errors import BadCase
from sidenote.archives.headers import Header

FILE = "reports.jsonl"
TEXT_SUFFIX = ".txt"
LONGEST = 400_000
"""Bytes of a text file or a line."""


class ReportLine(Strict):
    """One line of `reports.jsonl`: a report, and what the folder's images do not say of its case."""

    study_instance_uid: Identifier | None = Field(None, description="Study Instance UID")
    accession_number: Identifier | None = Field(None, description="Accession Number, where no UID is given")
    report: Report
    consent: Consent | None = None
    licence: Licence | None = None
    site: Site | None = None
    outcome: Outcome = None
    as_of: Annotated[date | None, BeforeValidator(day)] = Field(None, description="Day of the study, where the images do not give it")
    findings: tuple[FindingLine, ...] | None = Field(None, strict=False, max_length=64)


@dataclass(frozen=True, slots=True)
class Wrong:
    """A report that cannot be used: why, and where it stands, without content."""

    reason: str
    where: str


@dataclass(frozen=True, slots=True)
class Named:
    """A report with the names its study may have, and where it stands."""

    names: tuple[str, ...]
    line: ReportLine
    where: str


def read_reports(files: Iterable[tuple[int, Path]], headers: Iterable[Header]) -> Iterator[Named | Wrong]:
    """Every report of a folder, those that count first before those that count less.

    Args:
        files: (number, path) of the folder's files; what is no report is passed over.
        headers: Of the folder's DICOM files.
    """
    numbered = list(files)
    for _, path in numbered:
        if path.name == FILE:
            yield from _lines(path)
    for number, path in numbered:
        if path.suffix.lower() == TEXT_SUFFIX:
            yield _text_file(path, f"file {number}")
    structured = [header for header in headers if header.report and header.tag("CompletionFlag") == "COMPLETE"]
    for header in sorted(structured, key=_written, reverse=True):
        yield Named((header.tag("StudyInstanceUID"),), ReportLine(report=header.report), "a structured report")


def _written(header: Header) -> tuple[str, ...]:
    """When a structured report was written; of two at once, one comes first all the same."""
    return header.tag("ContentDate"), header.tag("ContentTime"), header.tag("SOPInstanceUID")


def _lines(path: Path) -> Iterator[Named | Wrong]:
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST + 1), b""), start=1):
            if not line.strip():
                continue
            where = f"{FILE} line {number}"
            try:
                read = _line(line)
                yield Named(tuple(name for name in (read.study_instance_uid, read.accession_number) if name)[:1], read, where)
            except BadCase as error:
                yield Wrong(error.reason, where)
            if len(line) > LONGEST:
                return


def _line(line: bytes) -> ReportLine:
    if len(line) > LONGEST:
        raise BadCase("line is too long; the rest of the file was not read")
    read = read_strictly(ReportLine, strict_json(line))
    if not (read.study_instance_uid or read.accession_number):
        raise BadCase("report names no study")
    return read


def _text_file(path: Path, where: str) -> Named | Wrong:
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST + 1).decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError):
        return Wrong("text file is not UTF-8", where)
    try:
        return Named((path.name.removesuffix(path.suffix),), read_strictly(ReportLine, {"report": text}), where)
    except BadCase as error:
        return Wrong(error.reason, where)
