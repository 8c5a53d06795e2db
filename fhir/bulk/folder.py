"""The folder of an export: one sub-folder of NDJSON files a run, which `fhir.files.FileSource` reads as one source.

A run's files lie in a hidden folder until all of them came, so nobody reads half a run. An incremental run brings new versions and
deletions: the older runs lose what it replaces. What `export.json` does not name does not count, and is removed.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec

from fhir.bulk.state import STATE, ExportState, read_state, write_state
from fhir.bulk.whole import whole
from fhir.errors import ExportFailed

COHORT = "cohort.txt"
_INCOMING = ".incoming"
_LOCK = ".lock"
_RUN = re.compile(r"run-(\d{4,})")


class _Head(msgspec.Struct):
    resourceType: str = ""
    id: str = ""


_head = msgspec.json.Decoder(_Head)


class ExportFolder:
    """A folder that one export writes into. Open it with `export_folder`."""

    def __init__(self, path: Path, state: ExportState | None) -> None:
        """`state` is what the last finished run left; None before the first."""
        self.path, self.state = path, state

    @property
    def incoming(self) -> Path:
        """Where the files of the run that is under way go."""
        return self.path / _INCOMING

    @property
    def runs(self) -> tuple[str, ...]:
        """The finished runs, oldest first."""
        return self.state.runs if self.state else ()

    def settle(self, *, replaced: Collection[str], everything: bool) -> tuple[str, ...]:
        """Put the run that came in its place, and take out of the older ones what it replaces. Those no longer needed go after `finish`.

        Args:
            replaced: `Type/id` of what came or was deleted.
            everything: Whether the run brought everything, so that nothing older is needed.

        Returns:
            The runs that now make up the folder.

        Raises:
            OSError: the folder cannot be written.
        """
        newest = f"run-{1 + max((_number(name) for name in self.runs), default=0):04}"
        self.incoming.rename(self.path / newest)
        if everything or self.state is None:
            return (newest,)
        # first named, then taken out: whoever is killed in between leaves an older version beside the newer one, and no gap
        self._write(replace(self.state, runs=(*self.runs, newest)))
        for file in _files(self.path, self.runs[:-1]):
            _take_out(file, replaced)
        return self.runs

    def finish(self, state: ExportState, patients: Collection[str]) -> None:
        """Write who is in the folder, and what it is: from here on the run counts. Raises OSError."""
        absent = set(state.missing)
        with whole(self.path / COHORT) as file:
            for patient in sorted({*patients, *absent}):
                file.write(f"{patient}{'  # did not come with the export' if patient in absent else ''}\n".encode())
        self._write(state)

    def _write(self, state: ExportState) -> None:
        write_state(self.path, state)
        self.state = state

    def patients(self, runs: Collection[str]) -> frozenset[str]:
        """Ids of the patients whose own resource is in the runs."""
        files = (file for file in _files(self.path, runs) if file.name.startswith("Patient."))
        return frozenset(head.id for file in files for head, _ in _lines(file))


@contextmanager
def export_folder(path: Path) -> Iterator[ExportFolder]:
    """Open or create the folder of an export; nobody else writes into it meanwhile.

    What a run leaves that did not finish goes away with it, and with the folder, if it was made for it.

    Raises:
        ExportFailed: something else lies in it, another export is writing into it, or its `export.json` cannot be read.
        OSError: it cannot be written.
    """
    fresh = not path.exists()
    _require_own(path)
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with _locked(path):
            place = ExportFolder(path, read_state(path))
            _clear(place)
            place.incoming.mkdir(mode=0o700)
            try:
                yield place
            finally:
                _clear(place)
    finally:
        if fresh and not (path / STATE).exists():
            shutil.rmtree(path)


def _require_own(path: Path) -> None:
    """Refuse a folder that holds anything else: what is in it would be taken for the record, or removed."""
    ours = {_INCOMING, _LOCK, COHORT, STATE}
    there = {one.name for one in path.iterdir()} if path.exists() else set()
    if there and (there.isdisjoint({_LOCK, STATE}) or any(name not in ours and _RUN.fullmatch(name) is None for name in there)):
        raise ExportFailed("the folder holds something that is not of an export")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with os.fdopen(os.open(path / _LOCK, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ExportFailed("another export is writing into the folder") from None
        yield


def _clear(place: ExportFolder) -> None:
    """Remove what runs left that did not finish, and runs that a later one made needless."""
    for one in place.path.iterdir():
        if one.name == _INCOMING or (_RUN.fullmatch(one.name) and one.name not in place.runs):
            shutil.rmtree(one)


def _number(run: str) -> int:
    return int(run.removeprefix("run-"))


def _files(folder: Path, runs: Collection[str]) -> Iterator[Path]:
    for run in runs:
        yield from sorted((folder / run).glob("*.ndjson"))


def _lines(file: Path) -> Iterator[tuple[_Head, bytes]]:
    with file.open("rb") as lines:
        for line in lines:
            yield _head.decode(line), line


def _take_out(file: Path, replaced: Collection[str]) -> None:
    if not any(f"{head.resourceType}/{head.id}" in replaced for head, _ in _lines(file)):
        return
    with whole(file) as out:
        for head, line in _lines(file):
            if f"{head.resourceType}/{head.id}" not in replaced:
                out.write(line)
