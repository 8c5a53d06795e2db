"""Generations of an index: built aside, put in place by one rename, so that a reader sees the old one or the new one.

library/
CURRENT            `gen-0002 SHA-256-of-its-manifest`
LOCK               held by the build that is running
gen-0001/          the one before, kept as the last good one
gen-0002/          cards.sqlite vectors.faiss manifest.json SEAL
building-0003/     a build in progress, or the rest of one that was killed; removed by the next
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retrieval.errors import IndexBusy, IndexCorrupt, IndexMissing, IndexUnusable, NotAnIndex, StorageFailed
from retrieval.manifest import Generation, flush, verify, write_flushed

CURRENT = "CURRENT"
LOCK = "LOCK"
KEPT = 2
"""Generations that stay: the one in use and the last good one before it."""
_GENERATION = re.compile(r"gen-\d{4,}")
_BUILDING = re.compile(r"building-\d{4,}")
_POINTER = re.compile(rb"(gen-\d{4,}) ([0-9a-f]{64})\n")


@contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """An empty folder to build the next generation in; nobody else builds here meanwhile.

    Raises:
        IndexBusy: another build is running.
        NotAnIndex: `folder` holds files that are no index.
        StorageFailed: the disk refused a write.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(folder)
        with (folder / LOCK).open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise IndexBusy("another build is running in this folder") from error
            for rest in _named(folder, _BUILDING):
                shutil.rmtree(rest)
            place = folder / f"building-{_next_number(folder):04d}"
            place.mkdir()
            try:
                yield place
            finally:
                shutil.rmtree(place, ignore_errors=True)  # after `publish` it is no longer there
    except OSError as error:
        raise StorageFailed(f"the disk refused a write: {os.strerror(error.errno or 0)}") from error


def publish(place: Path, sha256: str) -> Path:
    """Put a sealed generation in place of the one in use, keep the one before, and return its folder."""
    folder = place.parent
    target = folder / place.name.replace("building-", "gen-")
    os.rename(place, target)
    flush(folder)
    pointer = folder / f".{CURRENT}"
    write_flushed(pointer, f"{target.name} {sha256}\n".encode())
    os.replace(pointer, folder / CURRENT)
    flush(folder)
    for old in _named(folder, _GENERATION)[:-KEPT]:
        shutil.rmtree(old)
    return target


def current(folder: Path) -> Generation:
    """The generation in use, every byte checked.

    Raises:
        IndexMissing: no index was ever finished here.
        NotAnIndex: the folder holds something else.
        IndexCorrupt: the pointer or a file is damaged.
        OtherSchema: the index has another schema version.
    """
    if not folder.is_dir():
        raise IndexMissing("there is no index in this folder")
    _refuse_foreign(folder)
    pointer = folder / CURRENT
    if not pointer.is_file():
        if _named(folder, _GENERATION):
            raise IndexCorrupt("the pointer to the generation in use is missing", where=CURRENT)
        raise IndexMissing("no index was finished in this folder")
    match = _POINTER.fullmatch(pointer.read_bytes()[:1024])
    if match is None:
        raise IndexCorrupt("the pointer to the generation in use is damaged", where=CURRENT)
    return verify(folder / match[1].decode(), match[2].decode())


def last_good(folder: Path) -> Generation | None:
    """The newest generation that is whole, whatever the pointer says; None when there is none."""
    for candidate in reversed(_named(folder, _GENERATION)):
        try:
            return verify(candidate)
        except IndexUnusable:
            continue
    return None


def _refuse_foreign(folder: Path) -> None:
    own = {CURRENT, f".{CURRENT}", LOCK}
    for path in folder.iterdir():
        if path.name not in own and not (path.is_dir() and (_GENERATION.fullmatch(path.name) or _BUILDING.fullmatch(path.name))):
            raise NotAnIndex("the folder holds files that are no case index")


def _named(folder: Path, shape: re.Pattern[str]) -> list[Path]:
    found = [path for path in folder.iterdir() if shape.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))


def _next_number(folder: Path) -> int:
    numbers = [int(path.name.rpartition("-")[2]) for path in _named(folder, _GENERATION)]
    return max(numbers, default=0) + 1
