"""A segment is written block by block, read back card by card, and opened only when its files fit together."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retrieval.building.embedding import Embedded, embed_batch
from retrieval.cards import SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import IndexCorrupt, IndexUnusable
from retrieval.generation.manifest import Gone, GoneCase, SegmentEntry, describe_files
from retrieval.generation.mapping import map_files
from retrieval.generation.segments import CardPlace, Contents, SegmentPlace, SegmentWriter, open_stack, settle
from retrieval.generation.stack import Stack
from retrieval.vectors import Dimensions

DIMENSIONS = Dimensions(32, 32)
FILES = CardPlace.of(None, "ab")
CASES = 10


@pytest.fixture(scope="module")
def embedded(make_case: Callable[..., SourceCase]) -> Embedded:
    return embed_batch(HashEncoder(32), [make_case(n) for n in range(2 * CASES)])


@pytest.fixture
def generation(tmp_path: Path, embedded: Embedded) -> Path:
    """Two segments of ten cases each."""
    for number in range(2):
        write(tmp_path, f"seg-000{number + 1}", embedded, slice(CASES * number, CASES * (number + 1)))
    return tmp_path


def write(folder: Path, name: str, embedded: Embedded, which: slice) -> SegmentEntry:
    place = SegmentPlace(folder / name, DIMENSIONS, FILES)
    writer = SegmentWriter(place)
    writer.add(embedded.cards[which], embedded.vectors[which])
    writer.finish()
    return settle(place, writer.rows)


def entries(folder: Path) -> tuple[SegmentEntry, ...]:
    return tuple(settle(SegmentPlace(folder / f"seg-000{number}", DIMENSIONS, FILES), CASES) for number in (1, 2))


def opened(folder: Path, segments: tuple[SegmentEntry, ...] | None = None, gone: Gone = Gone()) -> Stack:  # noqa: B008 - frozen
    segments = segments or entries(folder)
    return open_stack(folder, map_files(folder, describe_files(folder)), Contents(segments, gone, DIMENSIONS, FILES))


def test_segments_open_as_one_table_of_what_was_written(generation: Path, embedded: Embedded) -> None:
    stack = opened(generation)
    np.testing.assert_array_equal(stack.vectors(np.arange(2 * CASES)), embedded.vectors)
    assert [stack.card(row) for row in range(2 * CASES)] == list(embedded.cards)
    assert (stack.cases, stack.columns.cases, stack.gone.tolist()) == (2 * CASES, 2 * CASES, [])
    stack.close()


@pytest.mark.fault(90)
def test_a_writer_goes_on_behind_what_was_committed(tmp_path: Path, embedded: Embedded) -> None:
    place = SegmentPlace(tmp_path / "seg-0001", DIMENSIONS, FILES)
    killed = SegmentWriter(place)
    killed.add(embedded.cards[:4], embedded.vectors[:4])
    killed.commit(b"four")
    killed.add(embedded.cards[4:6], embedded.vectors[4:6])
    killed.abandon()
    writer = SegmentWriter(place)
    assert (writer.rows, writer.note()) == (4, b"four")
    writer.add(embedded.cards[4:CASES], embedded.vectors[4:CASES])
    writer.finish()
    writer.abandon()
    whole = write(tmp_path, "seg-0002", embedded, slice(CASES))
    assert settle(place, CASES) == whole.model_copy(update={"name": "seg-0001"})
    for name in ("vectors.npy", "columns.npz"):
        assert (tmp_path / "seg-0001" / name).read_bytes() == (tmp_path / "seg-0002" / name).read_bytes()


@pytest.mark.fault(83)
def test_settling_refuses_a_card_that_is_not_its_vectors(tmp_path: Path, embedded: Embedded) -> None:
    place = SegmentPlace(tmp_path / "seg-0001", DIMENSIONS, FILES)
    write(tmp_path, "seg-0001", embedded, slice(CASES))
    data = bytearray((place.folder / "vectors.npy").read_bytes())
    row = DIMENSIONS.total * 4
    data[128:] = data[128 + row :] + data[128 : 128 + row]  # one row out of step
    (place.folder / "vectors.npy").write_bytes(bytes(data))
    with pytest.raises(IndexCorrupt, match="does not belong"):
        settle(place, CASES)


def _swap(folder: Path, name: str) -> None:
    first, second, aside = folder / "seg-0001" / name, folder / "seg-0002" / name, folder.parent / "aside"
    first.rename(aside)
    second.rename(first)
    aside.rename(second)


@pytest.mark.fault(82)
@pytest.mark.parametrize(
    "changes",
    [
        {"cases": CASES - 1}, {"cases": CASES + 1}, {"name": "seg-0003"},
    ],
)  # fmt: skip
def test_files_that_are_not_as_the_manifest_says_are_refused(generation: Path, changes: dict[str, object]) -> None:
    first, second = entries(generation)
    with pytest.raises(IndexCorrupt):
        opened(generation, (first, second.model_copy(update=changes)))


@pytest.mark.fault(82)
@pytest.mark.parametrize("name", ["vectors.npy", "columns.npz", "cards.sqlite"])
def test_a_segment_without_one_of_its_files_is_refused(generation: Path, name: str) -> None:
    segments = entries(generation)
    (generation / "seg-0002" / name).unlink()
    with pytest.raises(IndexCorrupt):
        opened(generation, segments)


@pytest.mark.fault(83)
def test_files_of_two_segments_swapped_open_but_show_no_card(generation: Path) -> None:
    segments = entries(generation)
    _swap(generation, "vectors.npy")
    stack = opened(generation, segments)
    for row in range(2 * CASES):
        with pytest.raises(IndexCorrupt, match="does not belong"):
            stack.card(row)


@pytest.mark.parametrize(
    "rows", [[(3, 4)], [(3, 3), (1, 1)], [(3, 3), (3, 3)], [(20, 3)]], ids=["another case", "unsorted", "twice", "no such row"]
)
def test_rows_that_are_gone_are_the_cases_they_name(generation: Path, embedded: Embedded, rows: list[tuple[int, int]]) -> None:
    cases = tuple(GoneCase(row=row, key=embedded.cards[of].key, reason="wrong", quarantined=False) for row, of in rows)
    with pytest.raises(IndexCorrupt):
        opened(generation, gone=Gone(cases=cases))


def test_rows_that_are_gone_are_known_to_the_table(generation: Path, embedded: Embedded) -> None:
    cases = tuple(GoneCase(row=row, key=embedded.cards[row].key, reason="wrong", quarantined=row > 5) for row in (2, 15))
    assert opened(generation, gone=Gone(cases=cases)).gone.tolist() == [2, 15]


def test_a_segment_that_begins_anew_keeps_nothing_of_an_abandoned_one(tmp_path: Path, embedded: Embedded) -> None:
    place = SegmentPlace(tmp_path / "seg-0001", DIMENSIONS, FILES)
    killed = SegmentWriter(place)
    killed.add(embedded.cards[:4], embedded.vectors[:4])
    killed.commit(b"four")
    killed.abandon()
    place.clear()
    assert not place.folder.exists()
    writer = SegmentWriter(place)
    assert (writer.rows, writer.note()) == (0, None)
    writer.abandon()


def test_cards_in_a_database_need_its_url_and_it_is_never_shown() -> None:
    with pytest.raises(IndexUnusable, match="no URL"):
        replace(CardPlace.of("postgresql://user:password@host/cards", "ab"), url=None).open(Path("seg-0001"))
    assert "password" not in repr(CardPlace.of("postgresql://user:password@host/cards", "ab"))


@pytest.fixture
def moved(generation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("moved") / "gen-0001"
    shutil.copytree(generation, folder)
    return folder


def test_a_generation_may_be_moved(moved: Path, embedded: Embedded) -> None:
    assert opened(moved).card(3) == embedded.cards[3]
