"""Rows in several places are one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from retrieval.vectors import Vectors, VectorTable
from retrieval.vectors.engine import Held, Rates, Room
from retrieval.vectors.exact import CpuEngine
from retrieval.vectors.sharded import Sharded, shares

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrieval.vectors import Kept
    from tests.retrieval.vectors.conftest import Archive


class Places:
    """The CPU, as if it were several."""

    name = "places"
    rates: Rates = CpuEngine.rates
    room: Room = CpuEngine.room

    def __init__(self, number: int) -> None:
        self._number = number

    def hold(self, rows: Vectors) -> Held:
        return Sharded([CpuEngine().hold(rows[part]) for part in shares(len(rows), self._number)])


@pytest.mark.parametrize("number", [1, 3, 7])
@pytest.mark.parametrize("share", [None, 0.2, 0.9])
def test_places_together_answer_as_one(archive: Archive, dropping: Callable[..., Kept], number: int, share: float | None) -> None:
    rows = np.repeat(archive.rows(200), 3, axis=0)  # ties across places
    base = None if share is None else np.flatnonzero(np.random.default_rng(3).random(600) < share)
    asked = archive.asked(4)
    kept = [dropping(*range(first, 600, 50), base=base) for first in range(4)]
    one, many = (VectorTable(rows, archive.dimensions, engine=engine) for engine in (CpuEngine(), Places(number)))
    for mine, theirs in zip(many.scan_many(asked, kept, 30), one.scan_many(asked, kept, 30), strict=True):
        assert mine.rows.tolist() == theirs.rows.tolist()
        assert mine.distances.tolist() == theirs.distances.tolist()


@pytest.mark.parametrize(("count", "places"), [(10, 3), (2, 4), (0, 2)])
def test_shares_are_all_of_the_rows_in_order_and_nearly_equal(count: int, places: int) -> None:
    parts = [list(range(count))[part] for part in shares(count, places)]
    assert [number for part in parts for number in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_nothing_gathered_is_an_empty_table(archive: Archive) -> None:
    held = Places(2).hold(archive.rows(10)).gather(np.zeros(0, np.int64))
    assert (held.count, held.nbytes) == (0, 0)
