"""What is served is the very mapping that was hashed."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.errors import IndexCorrupt
from retrieval.generation.manifest import FileEntry
from retrieval.generation.mapping import copy_flushed, link, map_file, map_files, view_files


def entry(data: bytes) -> FileEntry:
    return FileEntry(sha256=hashlib.sha256(data).hexdigest(), size=len(data))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "seg-0001").mkdir()
    for name, data in (("a", b"first"), ("b", b""), ("seg-0001/c", b"third" * 1000)):
        (tmp_path / name).write_bytes(data)
    return tmp_path


ENTRIES = {"a": entry(b"first"), "b": entry(b""), "seg-0001/c": entry(b"third" * 1000)}


@pytest.mark.fault(82)
def test_files_are_mapped_by_their_path_and_cannot_be_written_to(folder: Path) -> None:
    found = map_files(folder, ENTRIES)
    assert {name: bytes(data) for name, data in found.items()} == {"a": b"first", "b": b"", "seg-0001/c": b"third" * 1000}
    assert not any(data.flags.writeable for data in found.values())


@pytest.mark.fault(82)
@pytest.mark.parametrize("data", [b"firsT", b"firs", b"first ", b""])
def test_another_file_than_was_written_is_refused_and_named(folder: Path, data: bytes) -> None:
    (folder / "a").write_bytes(data)
    with pytest.raises(IndexCorrupt) as caught:
        map_files(folder, ENTRIES)
    assert caught.value.where == "a"


@pytest.mark.fault(82)
@pytest.mark.parametrize("how", ["missing", "a link", "a folder", "a pipe"])
def test_what_is_no_file_is_refused(folder: Path, how: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = folder / "seg-0001" / "c"
    aside = path.rename(tmp_path_factory.mktemp("aside") / "c")
    makes: dict[str, Any] = {
        "missing": lambda: None,
        "a link": lambda: path.symlink_to(aside),
        "a folder": path.mkdir,
        "a pipe": lambda: os.mkfifo(path),
    }
    makes[how]()
    with pytest.raises(IndexCorrupt):
        map_file(path, "seg-0001/c", ENTRIES["seg-0001/c"])


def test_what_this_process_wrote_is_viewed_without_being_hashed_again(folder: Path) -> None:
    assert {name: bytes(data) for name, data in view_files(folder, ["a", "b"]).items()} == {"a": b"first", "b": b""}
    with pytest.raises(IndexCorrupt):
        view_files(folder, ["nowhere"])


def test_a_mapping_outlives_the_names_of_its_file(folder: Path) -> None:
    data = map_file(folder / "a", "a", ENTRIES["a"])
    (folder / "a").unlink()
    np.testing.assert_array_equal(data, np.frombuffer(b"first", np.uint8))


def test_a_linked_segment_is_the_same_file_under_two_names(folder: Path) -> None:
    link(folder / "seg-0001", folder / "seg-0002")
    assert (folder / "seg-0002" / "c").stat().st_ino == (folder / "seg-0001" / "c").stat().st_ino


def test_where_the_disk_refuses_links_a_segment_is_copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refused)
    link(folder / "seg-0001", folder / "seg-0002")
    assert (folder / "seg-0002" / "c").read_bytes() == b"third" * 1000
    assert (folder / "seg-0002" / "c").stat().st_ino != (folder / "seg-0001" / "c").stat().st_ino


def test_a_copy_has_the_same_bytes(folder: Path) -> None:
    copy_flushed(folder / "a", folder / "d")
    assert (folder / "d").read_bytes() == b"first"
