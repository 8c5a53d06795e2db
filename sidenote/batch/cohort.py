"""A cohort file: which patients, and optionally which study, one case a row.

Text: one patient id a line, `#` starts a comment. CSV: a header with `patient` and optionally `study`. JSONL: objects with the
same keys. A broken row is a case of its own that failed, so that one bad line stops nobody else's review.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fhir.types import ID
from sidenote.batch.errors import CohortInvalid


@dataclass(frozen=True, slots=True)
class Case:
    """One row. `problem` says what is wrong with it, without repeating it; such a case is never reviewed."""

    row: int
    patient: str
    study: str | None = None
    problem: str | None = None

    @property
    def key(self) -> str:
        """What makes two rows the same case."""
        return f"row {self.row}" if self.problem else f"{self.patient}|{self.study or ''}"


def read_cohort(path: Path) -> tuple[Case, ...]:
    """The cases of a cohort file, each once, in the file's order.

    Raises:
        CohortInvalid: no such file, not UTF-8, or no row in it at all.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CohortInvalid("the cohort file cannot be read as UTF-8 text") from error
    reader = {".csv": _csv_rows, ".jsonl": _jsonl_rows, ".ndjson": _jsonl_rows}.get(path.suffix.lower(), _text_rows)
    try:
        unique = {case.key: case for case in reversed(list(reader(text)))}
    except csv.Error as error:
        raise CohortInvalid("the cohort file is no CSV") from error
    cases = tuple(sorted(unique.values(), key=lambda case: case.row))
    if not cases:
        raise CohortInvalid("the cohort file holds no row")
    return cases


def _text_rows(text: str) -> Iterator[Case]:
    for row, line in enumerate(text.splitlines(), start=1):
        if words := line.split("#", 1)[0].split():
            yield _case(row, words[0], words[1] if len(words) > 1 else None, extra=len(words) > 2)


def _csv_rows(text: str) -> Iterator[Case]:
    table = csv.DictReader(text.splitlines())
    if "patient" not in (table.fieldnames or ()):
        raise CohortInvalid("the CSV file has no column `patient`")
    for row, cells in enumerate(table, start=2):
        yield _case(row, cells.get("patient"), cells.get("study") or None)


def _jsonl_rows(text: str) -> Iterator[Case]:
    for row, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield Case(row, "", problem="not a JSON object")
            continue
        if isinstance(value, dict):
            yield _case(row, value.get("patient"), value.get("study"), extra=bool(set(value) - {"patient", "study"}))
        else:
            yield Case(row, "", problem="not a JSON object")


def _case(row: int, patient: object, study: object = None, *, extra: bool = False) -> Case:
    if extra:
        return Case(row, "", problem="more than a patient and a study")
    identity = patient.removeprefix("Patient/") if isinstance(patient, str) else ""
    if not ID.fullmatch(identity):
        return Case(row, "", problem="the patient is no FHIR id")
    if study is None:
        return Case(row, identity)
    image = study.removeprefix("ImagingStudy/") if isinstance(study, str) else ""
    return Case(row, identity, image) if ID.fullmatch(image) else Case(row, "", problem="the study is no FHIR id")
