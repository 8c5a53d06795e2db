"""A case asked again finds none of what a search would keep from it; which cases are asked is fixed by how many there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from retrieval.keys import NEAR_DUPLICATE_BITS
from retrieval.measures.held_out import BLOCK, as_query, asked_again, blocks, living, sample


@pytest.fixture(scope="module")
def vectors(unit: Callable[..., np.ndarray]) -> np.ndarray:
    return unit(np.random.default_rng(0).standard_normal((150, 8)))


def _found(stack: Any, row: int) -> set[int]:
    (block,) = blocks(stack, np.array([row]), NEAR_DUPLICATE_BITS)
    return set(np.flatnonzero(block.kept[0].mask(stack.cases)).tolist())


@pytest.mark.fault(84)
def test_a_case_finds_neither_itself_nor_its_person_study_report_or_image(make_stack: Any, vectors: np.ndarray) -> None:
    numbers = np.arange(1, 151, dtype=np.uint64)
    person, study, report = numbers.copy(), numbers.copy() + np.uint64(1000), numbers.copy() + np.uint64(2000)
    image = np.random.default_rng(1).integers(0, 2**63, 150).astype(np.uint64)
    sketch = np.random.default_rng(2).integers(1, 2**63, 150).astype(np.uint64)
    person[1], study[2], report[3], image[4] = person[0], study[0], report[0], image[0] ^ np.uint64(0b10101)
    sketch[5] = sketch[0] ^ np.uint64(0b11)
    stack = make_stack(vectors, vectors, person=person, study=study, report=report, image_hash=image, sketch=sketch)
    assert _found(stack, 0) == set(range(6, 150))


@pytest.mark.fault(84)
@pytest.mark.parametrize("row", [0, 1])
def test_a_linked_identifier_holds_the_other_record_of_the_person_out_in_both_directions(
    make_stack: Any, vectors: np.ndarray, row: int
) -> None:
    person = np.arange(1, 151, dtype=np.uint64)
    stack = make_stack(vectors, vectors, person=person, linked_key=person[1:2], linked_row=np.array([0]))
    assert _found(stack, row) == set(range(2, 150))


def test_what_is_gone_is_neither_asked_nor_found(make_stack: Any, vectors: np.ndarray) -> None:
    stack = make_stack(vectors, vectors, gone=[3, 7])
    assert living(stack).tolist() == [row for row in range(150) if row not in (3, 7)]
    assert _found(stack, 0) == set(range(150)) - {0, 3, 7}


def test_the_sample_is_the_same_each_time_and_in_order() -> None:
    rows = np.arange(0, 3_000, 3)
    drawn = sample(rows, 100)
    assert np.array_equal(drawn, sample(rows, 100))
    assert len(set(drawn.tolist())) == 100
    assert (np.diff(drawn) > 0).all()
    assert np.isin(drawn, rows).all()
    assert np.array_equal(sample(rows, 5_000), rows)


def test_blocks_together_hold_every_row_once_with_its_own_vectors(make_stack: Any, vectors: np.ndarray) -> None:
    stack = make_stack(vectors, vectors[::-1])
    rows = np.arange(0, 150, 2)
    made = list(blocks(stack, rows, NEAR_DUPLICATE_BITS))
    assert max(len(block.rows) for block in made) <= BLOCK
    assert np.array_equal(np.concatenate([block.rows for block in made]), rows)
    assert np.array_equal(np.concatenate([block.vectors for block in made]), np.hstack((vectors, vectors[::-1]))[rows])


def test_a_stored_row_asks_with_the_parts_of_its_kind(make_stack: Any, vectors: np.ndarray) -> None:
    stack = make_stack(vectors, vectors[::-1])
    row = stack.vectors(np.array([5]))
    (image,), (text,), (fused,) = (asked_again(row, kind, 0.25, stack.dimensions) for kind in ("image", "text", "fused"))
    assert np.allclose(image.vector, vectors[5])
    assert np.allclose(text.vector, vectors[::-1][5])
    assert np.allclose(fused.vector, np.hstack((0.25 * vectors[5], 0.75 * vectors[::-1][5])))


def test_a_query_holds_the_days_of_all_cases(make_stack: Any, vectors: np.ndarray) -> None:
    stack = make_stack(vectors, vectors)
    assert as_query(stack.columns, 0).as_of.toordinal() > int(stack.columns.as_of.max())
