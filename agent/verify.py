"""Whether a flight record is the one that was written: every line, every blob, and its place in the index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.blobs import sha256
from agent.chain import read_chain
from agent.errors import RecordBroken, RecordMissing
from agent.record import BLOBS, INDEX, LINES, SEAL


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """`where` names the line or blob that does not hold; both texts are empty when the record is whole."""

    whole: bool
    lines: int
    blobs: int
    where: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A record that was verified: its lines, and its blobs by hash."""

    review_id: str
    lines: tuple[Mapping[str, Any], ...]
    blobs: Mapping[str, bytes]

    def blob(self, step: str, name: str) -> bytes | None:
        """The input or output `name` of a step, or None when the step kept none of that name."""
        for line in self.lines:
            found = {**line.get("inputs", {}), **line.get("outputs", {})}.get(name) if line["step"] == step else None
            if found is not None:
                return self.blobs[found]
        return None


def verify(records: Path, review_id: str) -> VerifyResult:
    """Check one record.

    Raises:
        RecordMissing: neither the folder nor an entry in the index is there.
    """
    try:
        record = open_record(records, review_id)
    except RecordBroken as broken:
        return VerifyResult(False, 0, 0, broken.where, str(broken))
    return VerifyResult(True, len(record.lines), len(record.blobs))


def open_record(records: Path, review_id: str) -> SealedRecord:
    """Read one record, checking all of it.

    Raises:
        RecordMissing: neither the folder nor an entry in the index is there.
        RecordBroken: something of it is not what was written; `where` says what.
    """
    folder = records / review_id
    head = _indexed_head(records, review_id)
    if head is None and not folder.is_dir():
        raise RecordMissing("there is no flight record of this id")
    lines = _lines(folder / LINES)
    _check_seal(lines, review_id)
    blobs = _blobs(folder, lines)
    _check_extra(folder, blobs)
    if head is None:
        raise RecordBroken("the record is not in the index", where=INDEX)
    if head != lines[-1]["sha256"]:
        raise RecordBroken("the index names another head than the record's last line", where=INDEX)
    return SealedRecord(review_id, lines, blobs)


def _indexed_head(records: Path, review_id: str) -> str | None:
    path = records / INDEX
    lines, broken = read_chain(path.read_bytes() if path.is_file() else b"")
    if broken is not None:
        raise RecordBroken(f"a line {broken.reason}", where=f"{INDEX} line {broken.line}")
    return {line["review_id"]: line["head"] for line in lines}.get(review_id)


def _lines(path: Path) -> tuple[dict[str, Any], ...]:
    if not path.is_file():
        raise RecordBroken("the file is not there", where=LINES)
    lines, broken = read_chain(path.read_bytes())
    if broken is not None:
        raise RecordBroken(f"the line {broken.reason}", where=f"{LINES} line {broken.line}")
    return lines


def _check_seal(lines: tuple[dict[str, Any], ...], review_id: str) -> None:
    where = f"{LINES} line {len(lines)}"
    if not lines or lines[-1]["step"] != SEAL:
        raise RecordBroken("the record does not end with its seal", where=where)
    seal = lines[-1]
    if seal["review_id"] != review_id:
        raise RecordBroken("the seal is of another review", where=where)
    if seal["count"] != len(lines) - 1 or seal["head"] != seal["prev"]:
        raise RecordBroken("the seal counts other lines than there are", where=where)


def _blobs(folder: Path, lines: tuple[dict[str, Any], ...]) -> dict[str, bytes]:
    names = {name for line in lines for side in ("inputs", "outputs") for name in line.get(side, {}).values()}
    return {name: _blob(folder, name) for name in sorted(names)}


def _blob(folder: Path, name: str) -> bytes:
    path = folder / BLOBS / name
    if not path.is_file():
        raise RecordBroken("the blob is not there", where=f"{BLOBS}/{name}")
    data = path.read_bytes()
    if sha256(data) != name:
        raise RecordBroken("the blob does not match its name", where=f"{BLOBS}/{name}")
    return data


def _check_extra(folder: Path, blobs: Mapping[str, bytes]) -> None:
    expected = {folder / LINES, folder / BLOBS, *(folder / BLOBS / name for name in blobs)}
    extra = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path not in expected)
    if extra:
        raise RecordBroken("something is there that no line names", where=extra[0])
