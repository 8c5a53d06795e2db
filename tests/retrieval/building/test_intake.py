"""Every case is taken or counted with its reason, and a kill costs at most one block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.building import intake as intake_module
from retrieval.building.embedding import Embedded, in_process
from retrieval.building.intake import NAMED_SKIPS, Closed, Intake, Journal
from retrieval.cards import Rejected, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import BadArchive, IndexCorrupt, NothingToIndex
from retrieval.generation.segments import CardPlace, SegmentPlace, SegmentWriter
from retrieval.keys import word
from retrieval.vectors import Dimensions

ENCODER = HashEncoder(32)
BLOCK = 128


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SegmentPlace:
    monkeypatch.setattr(intake_module, "BLOCK", BLOCK)
    return SegmentPlace(tmp_path / "seg-0001", Dimensions(32, 32), CardPlace.of(None, "ab"))


def begin(place: SegmentPlace, closed: Closed = Closed(), report: Callable[[int], None] = lambda seen: None) -> Intake:  # noqa: B008
    return Intake(SegmentWriter(place), closed, report)


def take(place: SegmentPlace, cases: Iterable[SourceCase | Rejected], closed: Closed = Closed()) -> Journal:  # noqa: B008
    return begin(place, closed).take(cases, in_process(ENCODER))


def test_each_case_that_must_not_be_indexed_is_counted_with_its_reason_and_position(
    place: SegmentPlace, make_case: Callable[..., SourceCase], keyring: Any
) -> None:
    bad: list[SourceCase | Rejected] = [
        Rejected("not a case: age", "line 7"),
        make_case(100, person="Jane Doe"),
        make_case(101, linked=(keyring.person("a"), "MRN 5")),
        make_case(0),
        make_case(102, report="  "),
        make_case(103, report="a\0b"),
        make_case(104, consent=""),
        make_case(105, licence=" "),
        replace(make_case(106), image=np.full((32, 32), np.nan, np.float32)),
        make_case(107, report="12 34"),
        make_case(108),
        make_case(109, linked=(keyring.person("withdrawn"),)),
        make_case(110, person=keyring.person("withdrawn")),
    ]
    closed = Closed(frozenset({word(make_case(108).card.key)}), frozenset({keyring.person("withdrawn")}))
    taken = take(place, [make_case(0), make_case(1), *bad], closed)
    assert (taken.seen, taken.rows) == (15, 2)
    assert taken.skipped == {
        "a key is no salted hash": 2,
        "consent or licence is not stated": 2,
        "image holds values that are not finite": 1,
        "key stands twice": 2,
        "not a case: age": 1,
        "person was removed": 2,
        "report is empty": 1,
        "text holds characters that no database keeps": 1,
        "vector is NaN, infinite, zero or not of unit length": 1,
    }
    assert ("not a case: age", "line 7") in taken.skipped_at
    assert ("report is empty", "case 7") in taken.skipped_at


def test_all_are_counted_and_the_first_are_named(place: SegmentPlace, make_case: Callable[..., SourceCase]) -> None:
    taken = take(place, [make_case(0), *(Rejected("not a case", f"line {n}") for n in range(1, 500))])
    assert taken.skipped == {"not a case": 499}
    assert len(taken.skipped_at) == NAMED_SKIPS


@pytest.mark.parametrize("cases", [[], [Rejected("not a case", "line 1")]])
def test_where_no_case_survives_there_is_nothing_to_index(place: SegmentPlace, cases: list[Rejected]) -> None:
    with pytest.raises(NothingToIndex):
        take(place, cases)


class Killed(Exception):
    """Stands for a kill: nothing is tidied up after it that a kill would leave."""


def stops(after: int) -> Callable[[Iterable[Sequence[SourceCase | Rejected]]], Iterator[Embedded]]:
    """An `Embed` that dies behind so many batches."""

    def embed(batches: Iterable[Sequence[SourceCase | Rejected]]) -> Iterator[Embedded]:
        for number, embedded in enumerate(in_process(ENCODER)(batches)):
            if number == after:
                raise Killed
            yield embedded

    return embed


@pytest.fixture(scope="module")
def many(make_case: Callable[..., SourceCase]) -> list[SourceCase | Rejected]:
    """330 cases, among them the first again and one that nobody could read."""
    cases: list[SourceCase | Rejected] = [make_case(n) for n in range(328)]
    return [*cases[:100], cases[0], *cases[100:200], Rejected("not a case", "line 201"), *cases[200:]]


@pytest.mark.fault(90)
@pytest.mark.parametrize(("batches", "committed"), [(1, 0), (2, 128), (5, 256)])
def test_what_was_committed_is_not_embedded_again_and_the_end_is_the_same(
    place: SegmentPlace, many: list[SourceCase | Rejected], batches: int, committed: int, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        begin(place).take(many, stops(batches))
    seen: list[int] = []
    resumed = begin(place, report=seen.append)
    taken = resumed.take(many, in_process(ENCODER))
    assert seen[0] == committed + 64
    other = replace(place, folder=tmp_path / "seg-0002")
    assert taken == take(other, many)
    assert (taken.seen, taken.rows, taken.skipped) == (330, 328, {"key stands twice": 1, "not a case": 1})
    for name in ("vectors.npy",):
        assert (place.folder / name).read_bytes() == (other.folder / name).read_bytes()


@pytest.mark.fault(90)
def test_an_archive_that_is_another_than_the_interrupted_build_read_is_refused(
    place: SegmentPlace, many: list[SourceCase | Rejected]
) -> None:
    with pytest.raises(Killed):
        begin(place).take(many, stops(3))
    with pytest.raises(BadArchive):
        begin(place).take([many[1], many[0], *many[2:]], in_process(ENCODER))
    with pytest.raises(BadArchive):
        begin(place).take(many[:100], in_process(ENCODER))


@pytest.mark.parametrize("note", [b"{}", b"not JSON", b'{"seen": 128, "rows": 4}', b'{"rows": "5"}'])
def test_a_journal_that_does_not_fit_the_cards_is_refused(place: SegmentPlace, make_case: Callable[..., SourceCase], note: bytes) -> None:
    embedded = next(in_process(ENCODER)([[make_case(n) for n in range(5)]]))
    writer = SegmentWriter(place)
    writer.add(embedded.cards, embedded.vectors)
    writer.commit(note)
    writer.abandon()
    with pytest.raises(IndexCorrupt):
        begin(place)


def test_cases_are_streamed(place: SegmentPlace, make_case: Callable[..., SourceCase]) -> None:
    """No more cases are held than a batch, however many there are."""
    alive: set[int] = set()
    most = 0

    class Watched(np.ndarray):
        number: int

        def __del__(self) -> None:
            alive.discard(id(self))

    def source() -> Iterator[SourceCase]:
        nonlocal most
        for number in range(400):
            case = make_case(number)
            image = case.image.view(Watched)
            alive.add(id(image))
            most = max(most, len(alive))
            yield replace(case, image=image)
            del case, image

    assert take(place, source()).rows == 400
    assert most <= 2 * 64 + 2
