"""Building aside, putting in place, falling back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from retrieval.errors import IndexBusy, IndexCorrupt, IndexMissing, NotAnIndex, StorageFailed
from retrieval.generation.generations import CURRENT, KEPT, current, generations, interrupted, job_of, pointer, publish, steady, workplace
from retrieval.generation.manifest import Generation, Manifest, SegmentEntry, SourceEntry, describe_files, open_manifest, seal, verify

FIELDS: dict[str, Any] = {
    "schema_version": 2,
    "built_at": "2026-11-23T12:00:00Z",
    "encoder_fingerprint": "0" * 64,
    "image_dimension": 32,
    "text_dimension": 32,
    "one_space": False,
    "image_weight": 0.5,
    "image_weight_reason": "given",
    "near_duplicate_bits": 5,
    "coverage": 0.95,
    "thresholds": {},
    "salt": "ab",
    "key_check": "c",
    "cards": "sqlite",
    "cards_index": "ab" * 16,
    "gone": {},
    "quarantined": 0,
    "segments": (SegmentEntry(name="seg-0001", cases=1, cards_digest="1" * 64),),
}


def put(folder: Path, source: str) -> Path:
    """One generation of one file, sealed and put in place."""
    with workplace(folder) as place:
        (place / "data").write_text(source)
        return publish(place, seal(place, manifest(place, source)))


def manifest(place: Path, source: str) -> Manifest:
    entry = SourceEntry(words=source, added_at="2026-11-23T12:00:00Z", cases=1, skipped={})
    return Manifest(**FIELDS, sources=(entry,), files=describe_files(place))


def in_use(folder: Path) -> str:
    """What the generation in use was made of."""
    return current(folder).manifest.sources[0].words


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_newest_is_in_use_and_one_before_it_is_kept(tmp_path: Path) -> None:
    placed = [put(tmp_path, f"round {n}").name for n in range(4)]
    assert placed == ["gen-0001", "gen-0002", "gen-0003", "gen-0004"]
    assert in_use(tmp_path) == "round 3"
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
    assert in_use(tmp_path) == "good"


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
def test_a_damaged_pointer_is_refused_and_the_generations_are_still_found(
    tmp_path: Path, pointer: bytes | None, error: type[Exception]
) -> None:
    put(tmp_path, "one")
    put(tmp_path, "two")
    (tmp_path / CURRENT).unlink()
    if pointer is not None:
        (tmp_path / CURRENT).write_bytes(pointer)
    with pytest.raises(error):
        current(tmp_path)
    assert [verify(place).manifest.sources[0].words for place in generations(tmp_path)] == ["two", "one"]


@pytest.mark.parametrize("name", [".", "nowhere"])
def test_where_nothing_was_finished_there_is_no_index(tmp_path: Path, name: str) -> None:
    with pytest.raises(IndexMissing):
        current(tmp_path / name)


@pytest.mark.fault(82)
def test_a_pointer_that_is_a_link_is_refused(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    put(tmp_path, "one")
    aside = (tmp_path / CURRENT).rename(tmp_path_factory.mktemp("aside") / CURRENT)
    (tmp_path / CURRENT).symlink_to(aside)
    with pytest.raises(IndexCorrupt):
        current(tmp_path)


def leave(folder: Path, what: str) -> Path:
    """A build that failed after it had left its job."""

    def fails() -> None:
        with workplace(folder, resumes=lambda rest: False) as place:
            (place / "data").write_text(what)
            job_of(place).write_text(what)
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        fails()
    return interrupted(folder)[0]


@pytest.mark.fault(90)
def test_a_build_with_a_job_outlives_its_failure_and_is_given_to_the_build_that_resumes_it(tmp_path: Path) -> None:
    rest = leave(tmp_path, "half")
    with workplace(tmp_path, resumes=lambda found: job_of(found).read_text() == "half") as place:
        assert (place, (place / "data").read_text()) == (rest, "half")
        target = publish(place, seal(place, manifest(place, "whole")))
    assert names(tmp_path) == {"CURRENT", "LOCK", target.name}
    assert in_use(tmp_path) == "whole"


@pytest.mark.fault(90)
def test_a_build_of_something_else_replaces_an_interrupted_one(tmp_path: Path) -> None:
    leave(tmp_path, "half")
    with workplace(tmp_path, resumes=lambda found: False) as place:
        assert list(place.iterdir()) == []
    assert names(tmp_path) == {"LOCK"}


@pytest.mark.fault(90)
def test_an_interrupted_build_stays_beside_other_work_and_its_generation_is_the_newest_when_it_is_done(tmp_path: Path) -> None:
    rest = leave(tmp_path, "half")
    assert put(tmp_path, "other work").name == "gen-0002"
    assert interrupted(tmp_path) == [rest]
    with workplace(tmp_path, resumes=lambda found: True) as place:
        assert publish(place, seal(place, manifest(place, "whole"))).name == "gen-0003"
    assert in_use(tmp_path) == "whole"
    assert interrupted(tmp_path) == []


def test_a_job_without_its_build_is_removed_by_the_next(tmp_path: Path) -> None:
    put(tmp_path, "one")
    for name in ("building-0007.json", ".building-0007.json"):
        (tmp_path / name).write_text("left")
    put(tmp_path, "two")
    assert names(tmp_path) == {"CURRENT", "LOCK", "gen-0001", "gen-0002"}


@pytest.mark.fault(90)
def test_a_reader_whose_generation_was_replaced_and_removed_opens_the_one_that_replaced_it(tmp_path: Path) -> None:
    first = put(tmp_path, "one")
    tried: list[Path] = []

    def slowly(place: Path, sha256: str) -> Generation:
        tried.append(place)
        if len(tried) == 1:
            put(tmp_path, "two")
            put(tmp_path, "three")
            assert not first.exists()
        return open_manifest(place, sha256)

    assert steady(tmp_path, slowly).manifest.sources[0].words == "three"
    assert [place.name for place in tried] == ["gen-0001", "gen-0003"]


@pytest.mark.fault(82)
def test_a_reader_of_a_damaged_generation_that_stays_in_use_is_told_so_at_once(tmp_path: Path) -> None:
    put(tmp_path, "one")
    tried: list[Path] = []

    def refuses(place: Path, sha256: str) -> None:
        tried.append(place)
        raise IndexCorrupt("damaged")

    with pytest.raises(IndexCorrupt):
        steady(tmp_path, refuses)
    assert tried == [pointer(tmp_path)[0]]
