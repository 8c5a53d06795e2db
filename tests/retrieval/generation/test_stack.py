"""Several segments answer as one table: the same rows, distances and cards as if they had been written together."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.building.embedding import embed_batch
from retrieval.cards import SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import IndexCorrupt
from retrieval.generation.columns import Columns, concatenate
from retrieval.generation.stack import Segment, Stack
from retrieval.store import CardStore, open_cards, write_cards
from retrieval.vectors import KINDS, Asked, Dimensions, Kept, Kind, VectorTable, ask

ENCODER = HashEncoder(32)
DIMENSIONS = Dimensions(32, 32)
CASES = 40
MakeStack = Callable[..., Stack]


@pytest.fixture(scope="module")
def make_stack(make_case: Callable[..., SourceCase], tmp_path_factory: pytest.TempPathFactory) -> MakeStack:
    """`make_stack(cuts, gone)`: the same cases, cut into segments before each of `cuts`; with cards when they are looked at."""
    embedded = embed_batch(ENCODER, [make_case(n) for n in range(CASES)])

    def store(first: int, stop: int) -> CardStore:
        folder = tmp_path_factory.mktemp("segment")
        writer = write_cards(folder, folder.name)
        writer.add(embedded.cards[first:stop], embedded.vectors[first:stop])
        writer.finish()
        return open_cards(folder, folder.name)

    stores: dict[tuple[int, int], CardStore] = {}

    def made(cuts: tuple[int, ...] = (), gone: tuple[int, ...] = (), *, cards: bool = False) -> Stack:
        edges = [0, *cuts, CASES]
        segments, parts = [], []
        for number, (first, stop) in enumerate(pairwise(edges)):
            place = (first, stop) if cards else (0, 1)
            if place not in stores:
                stores[place] = store(*place)
            table = VectorTable(embedded.vectors[first:stop], DIMENSIONS)
            segments.append(Segment(f"seg-{number + 1:04d}", first, table, stores[place]))
            parts.append(Columns.of(embedded.cards[first:stop]))
        return Stack(tuple(segments), concatenate(parts), np.array(gone, np.int64), DIMENSIONS)

    return made


def asked(stack: Stack, row: int, kind: Kind) -> Asked:
    vector = stack.vectors(np.array([row]))[0]
    return ask(None if kind == "text" else vector[:32], None if kind == "image" else vector[32:], 0.5, DIMENSIONS)


def kept(base: list[int] | None = None, dropped: tuple[int, ...] = ()) -> Kept:
    rows = None if base is None else np.array(base, np.int64)
    return Kept(rows, None if base is None else ("test", tuple(base)), np.array(dropped, np.int64))


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.sets(st.integers(1, CASES - 1), max_size=4),
    base=st.none() | st.sets(st.integers(0, CASES - 1)),
    dropped=st.sets(st.integers(0, CASES - 1), max_size=8),
    gone=st.sets(st.integers(0, CASES - 1), max_size=8),
    kind=st.sampled_from(KINDS),
    limit=st.integers(1, CASES + 3),
)
def test_however_the_rows_are_cut_the_answer_is_that_of_one_table(
    make_stack: MakeStack, cuts: set[int], base: set[int] | None, dropped: set[int], gone: set[int], kind: Kind, limit: int
) -> None:
    whole = make_stack(())
    cut = make_stack(tuple(sorted(cuts)), tuple(sorted(gone)))
    query = asked(whole, 3, kind)
    rows = None if base is None else sorted(base)
    expected = whole.scan(query, kept(rows, tuple(sorted(dropped | gone))), limit)
    scan = cut.scan(query, kept(rows, tuple(sorted(dropped))), limit)
    np.testing.assert_array_equal(scan.rows, expected.rows)
    np.testing.assert_array_equal(scan.distances, expected.distances)
    assert not set(scan.rows.tolist()) & gone


def test_many_queries_at_once_answer_as_each_alone(make_stack: MakeStack) -> None:
    stack = make_stack((7, 23), (1, 8, 30))
    queries = [asked(stack, row, "fused") for row in (0, 7, 39)]
    rows = [kept(), kept([2, 9, 24, 38]), kept(dropped=(7, 39))]
    for one, query, some in zip(stack.scan_many(queries, rows, 6), queries, rows, strict=True):
        alone = stack.scan(query, some, 6)
        np.testing.assert_array_equal(one.rows, alone.rows)
        np.testing.assert_array_equal(one.distances, alone.distances)


@pytest.mark.fault(83)
def test_vectors_and_cards_are_found_by_rows_across_segments(make_stack: MakeStack, make_case: Callable[..., SourceCase]) -> None:
    stack, whole = make_stack((7, 23), cards=True), make_stack(())
    order = np.random.default_rng(0).permutation(CASES)
    np.testing.assert_array_equal(stack.vectors(order), whole.segments[0].table.rows[order])
    assert stack.vectors(np.zeros(0, np.int64)).shape == (0, 64)
    assert [stack.card(row).key for row in range(CASES)] == [make_case(row).card.key for row in range(CASES)]
    assert stack.cases == CASES


@pytest.mark.fault(83)
def test_segments_in_another_order_than_they_were_written_show_no_card(make_stack: MakeStack) -> None:
    stack = make_stack((20,), cards=True)
    first, second = stack.segments
    mixed = Stack(
        (Segment("seg-0001", 0, second.table, first.cards), Segment("seg-0002", 20, first.table, second.cards)),
        stack.columns, stack.gone, DIMENSIONS,
    )  # fmt: skip
    for row in range(CASES):
        with pytest.raises(IndexCorrupt, match="does not belong"):
            mixed.card(row)


def test_the_plan_of_several_segments_says_what_each_did(make_stack: MakeStack) -> None:
    stack = make_stack((20,))
    scan = stack.scan(asked(stack, 0, "image"), kept(), 3)
    assert "in 2 segments" in scan.plan
    assert "seg-0001: 20 of 20 cases remain" in scan.plan_reason
    assert "seg-0002: " in scan.plan_reason


@pytest.mark.fault(85)
def test_where_everything_is_gone_there_is_no_row(make_stack: MakeStack) -> None:
    stack = make_stack((20,), tuple(range(CASES)))
    scan = stack.scan(asked(stack, 0, "image"), kept(), 3)
    assert (scan.rows.tolist(), scan.distances.tolist()) == ([], [])


def test_closing_closes_the_cards(tmp_path: Path, make_case: Callable[..., SourceCase]) -> None:
    embedded = embed_batch(ENCODER, [make_case(1)])
    writer = write_cards(tmp_path, tmp_path.name)
    writer.add(embedded.cards, embedded.vectors)
    writer.finish()
    segment = Segment("seg-0001", 0, VectorTable(embedded.vectors, DIMENSIONS), open_cards(tmp_path, tmp_path.name))
    stack = Stack((segment,), Columns.of(embedded.cards), np.zeros(0, np.int64), DIMENSIONS)
    stack.close()
    with pytest.raises(IndexCorrupt):
        stack.card(0)
