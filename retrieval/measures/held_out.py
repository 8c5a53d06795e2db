"""Cases of the library asked as if they were new: each without its own person, study, near-duplicates and equal reports.

What a search would exclude for such a case is excluded here, by the same code. So the library can measure itself: how near its
cases lie to each other (`calibrate`), and which weight of image and report ranks them best (`fusion`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from retrieval.cards import Query
from retrieval.generation.columns import Columns
from retrieval.generation.stack import Stack
from retrieval.searching.exclusions import eligible
from retrieval.vectors import Asked, Dimensions, Kept, Kind, Vectors, ask

Rows = NDArray[np.int64]

BLOCK = 64
"""Queries asked at once: 64 x 1,000,000 distances are 256 MB."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows asked again, their vectors [m, total], and for each what it may find."""

    rows: Rows
    vectors: Vectors
    kept: tuple[Kept, ...]


def living(stack: Stack) -> Rows:
    """Rows that a search may find at all: neither removed nor in quarantine."""
    return np.setdiff1d(np.arange(stack.cases, dtype=np.int64), stack.gone, assume_unique=True)


def sample(rows: Rows, most: int) -> Rows:
    """At most `most` of `rows`, in their order; which ones is fixed by how many there are, so that every run asks the same."""
    drawn = np.random.default_rng(len(rows)).permutation(len(rows))[:most]
    return rows[np.sort(drawn)]


def blocks(stack: Stack, rows: Rows, near_duplicate_bits: int) -> Iterator[Block]:
    """`rows` in blocks of at most 64, each row with what is left for it to find."""
    for start in range(0, len(rows), BLOCK):
        some = rows[start : start + BLOCK]
        queries = [as_query(stack.columns, int(row)) for row in some]
        kept = tuple(eligible(stack.columns, query, near_duplicate_bits, stack.gone).kept for query in queries)
        yield Block(some, stack.vectors(some), kept)


def as_query(columns: Columns, row: int) -> Query:
    """What a search excludes for the case in `row`; it has no vectors of its own, and its day is later than any."""
    linked = columns.linked_key[columns.linked_row == row]
    return Query(
        image=None,
        text=None,
        as_of=date.max,
        persons=frozenset({_key(columns.person[row]), *map(_key, linked)}),
        studies=frozenset({_key(columns.study[row])}),
        image_hash=int(columns.image_hash[row]),
        report_hash=_key(columns.report[row]),
        report_sketch=int(columns.sketch[row]),
    )


def asked_again(vectors: Vectors, kind: Kind, weight: float, dimensions: Dimensions) -> list[Asked]:
    """Stored rows [m, total] as queries of `kind`."""
    images, texts = vectors[:, dimensions.columns("image")], vectors[:, dimensions.columns("text")]
    return [
        ask(None if kind == "text" else image, None if kind == "image" else text, weight, dimensions)
        for image, text in zip(images, texts, strict=True)
    ]


def _key(word: np.uint64) -> str:
    """A key of 32 hex digits that columns, which hold the first 16, take for the one they were made of."""
    return f"{int(word):016x}".ljust(32, "0")
