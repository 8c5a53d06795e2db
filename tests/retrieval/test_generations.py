"""Building aside, putting in place, falling back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from retrieval.errors import IndexBusy, IndexCorrupt, IndexMissing, NotAnIndex, StorageFailed
from retrieval.generations import CURRENT, KEPT, current, last_good, publish, workplace
from retrieval.manifest import Manifest, describe_files, seal

FIELDS: dict[str, Any] = {
    "schema_version": 1,
    "built_at": "2026-11-23T12:00:00Z",
    "encoder_fingerprint": "0" * 64,
    "dimension": 32,
    "cases": 0,
    "image_weight": 0.5,
    "near_duplicate_bits": 5,
    "coverage": 0.95,
    "thresholds": {},
    "salt": "ab",
    "key_check": "c",
    "skipped": {},
}


def put(folder: Path, source: str) -> Path:
    """One generation of one file, sealed and put in place."""
    with workplace(folder) as place:
        (place / "data").write_text(source)
        return publish(place, seal(place, Manifest(**FIELDS, source=source, files=describe_files(place))))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_newest_is_in_use_and_one_before_it_is_kept(tmp_path: Path) -> None:
    placed = [put(tmp_path, f"round {n}").name for n in range(4)]
    assert placed == ["gen-0001", "gen-0002", "gen-0003", "gen-0004"]
    assert current(tmp_path).manifest.source == "round 3"
    assert {name for name in names(tmp_path) if name.startswith("gen-")} == set(placed[-KEPT:])


def test_a_build_that_fails_leaves_nothing_and_the_one_in_use(tmp_path: Path) -> None:
    put(tmp_path, "good")

    def fails() -> None:
        with workplace(tmp_path) as place:
            (place / "data").write_text("half")
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        fails()
    assert names(tmp_path) == {"CURRENT", "LOCK", "gen-0001"}
    assert current(tmp_path).manifest.source == "good"


@pytest.mark.fault(90)
def test_the_rest_of_a_killed_build_is_removed_by_the_next(tmp_path: Path) -> None:
    put(tmp_path, "good")
    (tmp_path / "building-0002").mkdir()
    (tmp_path / "building-0002" / "data").write_text("half")
    with workplace(tmp_path) as place:
        assert place.name == "building-0002"
        assert list(place.iterdir()) == []


def test_two_builds_never_share_a_folder_and_the_second_may_come_later(tmp_path: Path) -> None:
    with workplace(tmp_path), pytest.raises(IndexBusy) as caught, workplace(tmp_path):
        pass
    assert caught.value.retryable
    assert put(tmp_path, "later").is_dir()


@pytest.mark.parametrize("foreign", ["letters.txt", "gen-1", "building-x", "gen-0001.bak"])
def test_a_folder_of_something_else_is_neither_read_nor_built_into(tmp_path: Path, foreign: str) -> None:
    (tmp_path / foreign).write_text("mine")
    with pytest.raises(NotAnIndex):
        current(tmp_path)
    with pytest.raises(NotAnIndex), workplace(tmp_path):
        pass
    assert names(tmp_path) == {foreign}


def test_a_place_that_cannot_be_written_is_a_storage_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageFailed) as caught, workplace(tmp_path / "file" / "library"):
        pass
    assert caught.value.retryable


@pytest.mark.fault(82)
@pytest.mark.parametrize(
    ("pointer", "error"),
    [
        (None, IndexCorrupt),
        (b"", IndexCorrupt),
        (b"gen-0002", IndexCorrupt),
        (b"../../etc " + b"0" * 64 + b"\n", IndexCorrupt),
        (b"gen-0002 " + b"0" * 64 + b"\n", IndexCorrupt),
        (b"gen-0009 " + b"0" * 64 + b"\n", IndexCorrupt),
    ],
    ids=["missing", "empty", "cut", "another path", "another hash", "another generation"],
)
def test_a_damaged_pointer_is_refused_and_the_last_good_one_is_still_found(
    tmp_path: Path, pointer: bytes | None, error: type[Exception]
) -> None:
    put(tmp_path, "one")
    put(tmp_path, "two")
    (tmp_path / CURRENT).unlink()
    if pointer is not None:
        (tmp_path / CURRENT).write_bytes(pointer)
    with pytest.raises(error):
        current(tmp_path)
    good = last_good(tmp_path)
    assert good is not None
    assert good.manifest.source == "two"


def test_the_last_good_one_is_the_newest_that_is_whole(tmp_path: Path) -> None:
    first, second = put(tmp_path, "one"), put(tmp_path, "two")
    (second / "data").write_text("tWo")
    good = last_good(tmp_path)
    assert good is not None
    assert good.folder == first
    (first / "data").unlink()
    assert last_good(tmp_path) is None


@pytest.mark.parametrize("name", [".", "nowhere"])
def test_where_nothing_was_finished_there_is_no_index(tmp_path: Path, name: str) -> None:
    with pytest.raises(IndexMissing):
        current(tmp_path / name)
