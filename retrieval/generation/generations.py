"""Generations of an index: built aside, put in place by one rename, so that a reader sees the old one or the new one.

library/
CURRENT            `gen-0002 SHA-256-of-its-manifest`
LOCK               held by the build that is running
gen-0001/          the one before, kept as the last good one
gen-0002/          manifest.json SEAL gone.json seg-0001/ seg-0002/ ...; segments that did not change are hard links
building-0003/     a generation in the making, or the rest of one that was killed: removed by the next, unless beside it stands
building-0003.json what a build of an archive wrote when it began, so that it can be resumed
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from retrieval.errors import IndexBusy, IndexCorrupt, IndexMissing, NotAnIndex, StorageFailed
from retrieval.generation.manifest import Generation, flush, open_manifest, replace_flushed

CURRENT = "CURRENT"
LOCK = "LOCK"
PRIVATE = 0o700
"""Of the folder of a generation: reports of people are in it, for whoever built it and nobody else."""
KEPT = 2
"""Generations that stay: the one in use and the last good one before it."""
_GENERATION = re.compile(r"gen-\d{4,}")
_BUILDING = re.compile(r"building-\d{4,}")
_JOB = re.compile(r"\.?building-\d{4,}\.json")
_Opened = TypeVar("_Opened")
_POINTER = re.compile(rb"(gen-\d{4,}) ([0-9a-f]{64})\n")


@contextmanager
def workplace(folder: Path, *, resumes: Callable[[Path], bool] | None = None) -> Iterator[Path]:
    """A folder to make the next generation in; nobody else builds here meanwhile. It is empty unless it resumes.

    When the block fails, the folder stays only if it has a job (`job_of`): a build that may be resumed.

    Args:
        folder: The index's folder; created when missing.
        resumes: Whether this work goes on with an interrupted build in the given folder; those it does not, it replaces. None
            for work that is no build, which leaves interrupted builds where they are.

    Raises:
        IndexBusy: another build is running.
        NotAnIndex: `folder` holds files that are no index.
        StorageFailed: the disk refused a write.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        _refuse_foreign(folder)
        with (folder / LOCK).open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise IndexBusy("another build is running in this folder") from error
            place = _place(folder, resumes)
            try:
                yield place
            finally:
                if not job_of(place).exists():
                    shutil.rmtree(place, ignore_errors=True)  # after `publish` it is no longer there
    except OSError as error:
        raise StorageFailed(f"the disk refused a write: {os.strerror(error.errno or 0)}") from error


def job_of(place: Path) -> Path:
    """Where a build leaves what it needs to be resumed; the file goes with the build."""
    return place.with_name(f"{place.name}.json")


def interrupted(folder: Path) -> list[Path]:
    """Folders of builds that may be resumed, the newest first."""
    return [rest for rest in reversed(_named(folder, _BUILDING)) if job_of(rest).is_file()] if folder.is_dir() else []


def publish(place: Path, sha256: str) -> Path:
    """Put a sealed generation in place of the one in use, keep the one before, and return its folder."""
    folder = place.parent
    number = max(_number(place), *(_number(path) + 1 for path in _named(folder, _GENERATION)), 1)
    target = folder / f"gen-{number:04d}"
    os.rename(place, target)
    flush(folder)
    replace_flushed(folder / CURRENT, f"{target.name} {sha256}\n".encode())
    job_of(place).unlink(missing_ok=True)
    for old in _named(folder, _GENERATION)[:-KEPT]:
        shutil.rmtree(old)
    return target


def pointer(folder: Path) -> tuple[Path, str]:
    """(folder of the generation in use, SHA-256 of its manifest).

    Raises:
        IndexMissing: no index was ever finished here.
        NotAnIndex: the folder holds something else.
        IndexCorrupt: the pointer is damaged or missing.
    """
    if not folder.is_dir():
        raise IndexMissing("there is no index in this folder")
    _refuse_foreign(folder)
    path = folder / CURRENT
    if not path.is_file() or path.is_symlink():
        if _named(folder, _GENERATION):
            raise IndexCorrupt("the pointer to the generation in use is missing", where=CURRENT)
        raise IndexMissing("no index was finished in this folder")
    with path.open("rb") as file:
        match = _POINTER.fullmatch(file.read(1024))
    if match is None:
        raise IndexCorrupt("the pointer to the generation in use is damaged", where=CURRENT)
    return folder / match[1].decode(), match[2].decode()


def current(folder: Path) -> Generation:
    """The generation in use, its manifest checked; the bytes of its files are not.

    Raises:
        IndexMissing, NotAnIndex, IndexCorrupt: see `pointer`.
        IndexCorrupt, OtherSchema: see `retrieval.generation.manifest.open_manifest`.
    """
    return steady(folder, open_manifest)


def generations(folder: Path) -> list[Path]:
    """Folders of all generations, the newest first; whole or not."""
    return _named(folder, _GENERATION)[::-1]


def steady(folder: Path, opens: Callable[[Path, str], _Opened]) -> _Opened:
    """What `opens` makes of (folder, SHA-256 of the manifest) of the generation in use.

    When that was replaced meanwhile, its files may have gone under the reader: then the one that replaced it is opened.

    Raises:
        IndexMissing, NotAnIndex, IndexCorrupt: see `pointer`; and what `opens` raises of a generation that stayed in use.
    """
    place = pointer(folder)
    while True:
        try:
            return opens(*place)
        except IndexCorrupt:
            now = pointer(folder)
            if now == place:
                raise
            place = now


def _place(folder: Path, resumes: Callable[[Path], bool] | None) -> Path:
    rests = interrupted(folder)
    for rest in set(_named(folder, _BUILDING)) - set(rests):
        shutil.rmtree(rest)
    if resumes is not None:
        found = next((rest for rest in rests if resumes(rest)), None)
        for rest in rests:
            if rest != found:
                discard(rest)
        if found is not None:
            return found
    for job in _named(folder, _JOB):
        if not job.with_suffix("").is_dir():
            job.unlink()
    number = max((_number(path) for path in [*_named(folder, _GENERATION), *_named(folder, _BUILDING)]), default=0) + 1
    place = folder / f"building-{number:04d}"
    place.mkdir(mode=PRIVATE)
    return place


def discard(place: Path) -> None:
    """Remove a generation in the making; its job first, so that no half of it is ever resumed."""
    job_of(place).unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)


def _refuse_foreign(folder: Path) -> None:
    own = {CURRENT, f".{CURRENT}", LOCK}
    for path in folder.iterdir():
        if path.name in own or _JOB.fullmatch(path.name):
            continue
        named = _GENERATION.fullmatch(path.name) or _BUILDING.fullmatch(path.name)
        if not named or (not path.is_dir() and path.exists()):  # an old generation may vanish while it is looked at
            raise NotAnIndex("the folder holds files that are no case index")


def _named(folder: Path, shape: re.Pattern[str]) -> list[Path]:
    return sorted((path for path in folder.iterdir() if shape.fullmatch(path.name)), key=_number)


def _number(path: Path) -> int:
    return int(path.name.removesuffix(".json").rpartition("-")[2])
