"""The flight record: what went into a review, what each step made of it, and a chain of hashes over all of it.

    records/index.jsonl                   one chained line per sealed record: review id and head hash
    records/<review id>/record.jsonl      one chained line per step; the last is the seal (count and head)
    records/<review id>/blobs/<sha256>    inputs and outputs, named by their hash

A record is written in a folder of its own (`.open-…`), flushed to disk and then renamed, so a record that is there is whole.
Files have mode 0600: they hold the chart. What can be changed without being found: everything at once, by one who may rewrite
both the record and the index; keep the index's head elsewhere to exclude that.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from agent.blobs import sha256
from agent.chain import FIRST, link, read_chain
from agent.errors import FlightRecordError, RecordBroken, RecordExists

LINES = "record.jsonl"
BLOBS = "blobs"
INDEX = "index.jsonl"
SEAL = "seal"


@contextmanager
def _storing() -> Iterator[None]:
    """A full disk, a folder that is closed or is a file: a flight record that cannot be written ends the review."""
    try:
        yield
    except OSError as error:
        raise FlightRecordError(f"the flight record cannot be written: {error.strerror or type(error).__name__}") from error


@dataclass(slots=True)
class Flight:
    """A record being written. One review, one event loop: `step` is never called from two threads."""

    records: Path
    review_id: str
    folder: Path
    """Where it is written until it is sealed."""
    _file: BinaryIO
    """`record.jsonl`, locked while this process lives: so a killed process's folder can be told from one being written."""
    _head: str = FIRST
    _count: int = 0
    _blobs: set[str] = field(default_factory=set)

    @_storing()
    def step(
        self,
        name: str,
        *,
        ms: float = 0.0,
        inputs: Mapping[str, bytes] | None = None,
        outputs: Mapping[str, bytes] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Append one step. `inputs` and `outputs` are kept as blobs under their hashes; `facts` stand in the line."""
        self._append(
            {
                "seq": self._count + 1,
                "step": name,
                "time": datetime.now(UTC).isoformat(),
                "ms": round(ms, 3),
                "inputs": {key: self._keep(data) for key, data in (inputs or {}).items()},
                "outputs": {key: self._keep(data) for key, data in (outputs or {}).items()},
                "facts": dict(facts or {}),
            }
        )

    @_storing()
    def seal(self) -> str:
        """Close the record, make it durable, give it its place, and enter it in the index. Returns the head hash.

        Raises:
            RecordExists: another record of this id was sealed meanwhile.
        FlightRecordError: the disk does not take it.
        """
        self._append({"seq": self._count + 1, "step": SEAL, "review_id": self.review_id, "count": self._count, "head": self._head})
        os.fsync(self._file.fileno())
        for path in (*sorted(self.folder.glob(f"{BLOBS}/*")), self.folder / BLOBS, self.folder):
            _flush(path)
        _place(self.records, self.review_id, self.folder, self._head)
        self._file.close()
        return self._head

    def abandon(self) -> None:
        """Remove what was written: a refused review leaves nothing half-written."""
        self._file.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _append(self, fields: Mapping[str, Any]) -> None:
        line, self._head = link(fields, self._head)
        self._file.write(line)
        self._file.flush()
        self._count += 1

    def _keep(self, data: bytes) -> str:
        name = sha256(data)
        if name not in self._blobs:
            with _create(self.folder / BLOBS / name) as file:
                file.write(data)
            self._blobs.add(name)
        return name


@_storing()
def begin(records: Path, review_id: str) -> Flight:
    """Start the record of a review. What a killed process left of the same review is removed: that review never ended.

    Raises:
        RecordExists: a sealed record of that id is in the index, or one is being written.
        FlightRecordError: the folder cannot be written.
    """
    records.mkdir(parents=True, exist_ok=True, mode=0o700)
    if review_id in indexed(records):
        raise RecordExists("a sealed record of this review id is there already")
    for left in records.glob(f".open-{review_id}.*"):
        _clear(left)
    folder = records / f".open-{review_id}.{secrets.token_hex(4)}"
    (folder / BLOBS).mkdir(parents=True, mode=0o700)
    file = _create(folder / LINES)
    fcntl.flock(file, fcntl.LOCK_EX)
    return Flight(records, review_id, folder, file)


def _clear(left: Path) -> None:
    """Remove an open folder nobody holds."""
    lines = left / LINES
    if lines.exists():
        with lines.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RecordExists("a record of this review id is being written") from error
    shutil.rmtree(left, ignore_errors=True)


def indexed(records: Path) -> dict[str, str]:
    """Review id -> head hash of every sealed record, as far as the index holds."""
    path = records / INDEX
    lines, _ = read_chain(path.read_bytes() if path.exists() else b"")
    return {line["review_id"]: line["head"] for line in lines}


def _place(records: Path, review_id: str, folder: Path, head: str) -> None:
    """Under the index's lock: give the sealed folder its name and enter its head."""
    with os.fdopen(os.open(records / INDEX, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as index:
        fcntl.flock(index, fcntl.LOCK_EX)
        data = index.read()
        whole = data.rfind(b"\n") + 1  # a tail without a newline is a line a killed process never finished
        lines, broken = read_chain(data[:whole])
        if broken is not None:
            raise RecordBroken("the index does not hold", where=f"{INDEX} line {broken.line}")
        if any(line["review_id"] == review_id for line in lines):
            raise RecordExists("a sealed record of this review id is there already")
        if (records / review_id).exists():  # sealed by a process that was killed before it could enter it
            shutil.rmtree(records / review_id)
        os.rename(folder, records / review_id)
        _flush(records)
        line, _ = link(
            {"review_id": review_id, "head": head, "time": datetime.now(UTC).isoformat()}, lines[-1]["sha256"] if lines else FIRST
        )
        index.truncate(whole)
        index.seek(whole)
        index.write(line)
        index.flush()
        os.fsync(index.fileno())


def _create(path: Path) -> BinaryIO:
    """A new file that only its owner may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
