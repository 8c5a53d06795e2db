"""Files of a generation as bytes in memory: mapped, and hashed through the very mapping that is then served.

No second reading could differ from what was checked. Files that two generations share are one file with two names.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import IndexCorrupt
from retrieval.generation.manifest import FileEntry, flush, regular

Bytes = NDArray[np.uint8]
_WORTH_THREADS = 4 << 20
"""Bytes below which files are hashed before threads have begun."""


def map_files(folder: Path, files: Mapping[str, FileEntry]) -> dict[str, Bytes]:
    """The bytes of every file of a generation, mapped and hashed; the largest first, as many at once as there are cores.

    Raises:
        IndexCorrupt: when a file is missing, a link, or not the one that was written.
    """

    def mapped(name: str) -> Bytes:
        return map_file(folder / name, name, files[name])

    largest_first = sorted(files, key=lambda name: -files[name].size)
    if sum(entry.size for entry in files.values()) < _WORTH_THREADS:
        return {name: mapped(name) for name in largest_first}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(largest_first, pool.map(mapped, largest_first), strict=True))


def view_files(folder: Path, names: Iterable[str]) -> dict[str, Bytes]:
    """The bytes of files that this process has just written or verified: mapped, and not hashed again.

    Raises:
        IndexCorrupt: when a file cannot be read.
    """
    found = {}
    for name in names:
        path = regular(folder / name)
        found[name] = np.frombuffer(_mapped(path, path.stat().st_size) or b"", dtype=np.uint8)
    return found


def map_file(path: Path, name: str, entry: FileEntry) -> Bytes:
    """The bytes of one file, read only, mapped into memory and hashed.

    Raises:
        IndexCorrupt: when it is missing, a link, or not the one that `entry` describes.
    """
    try:
        data = _mapped(path, entry.size)
    except OSError as error:
        raise IndexCorrupt("a file is missing, a link, or cannot be read", where=name[:64]) from error
    if data is None or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise IndexCorrupt("a file is not the one that was written", where=name[:64])
    return np.frombuffer(data, dtype=np.uint8)


def _mapped(path: Path, size: int) -> mmap.mmap | bytes | None:
    """The file mapped, or None when it is no file of `size` bytes."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe would wait for a writer
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size != size:
            return None
        if not size:
            return b""
        mapping = mmap.mmap(handle, size, access=mmap.ACCESS_READ)
        mapping.madvise(mmap.MADV_WILLNEED)
        return mapping
    finally:
        os.close(handle)


def link(old: Path, new: Path) -> None:
    """Give every file of a segment a second name in the new folder `new`; copy it where the disk refuses links."""
    new.mkdir()
    for path in sorted(old.iterdir()):
        try:
            os.link(path, new / path.name, follow_symlinks=False)
        except OSError:
            copy_flushed(path, new / path.name)
    flush(new)


def copy_flushed(path: Path, target: Path) -> None:
    """Copy a file and wait until the disk has it."""
    with path.open("rb") as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 22)
        copy.flush()
        os.fsync(copy.fileno())
