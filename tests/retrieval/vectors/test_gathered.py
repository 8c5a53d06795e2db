"""Copies of filtered rows, kept between queries."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from retrieval.vectors import VectorTable
from retrieval.vectors.exact import CpuEngine
from retrieval.vectors.gathered import Gathered

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrieval.vectors import Kept
    from tests.retrieval.vectors.conftest import Archive

ROW = 40 * 4


def test_a_copy_is_made_once(archive: Archive) -> None:
    gathered = Gathered(CpuEngine().hold(archive.rows(100)).gather, 1 << 20)
    first = gathered.of("a", np.arange(10))
    assert gathered.of("a", np.arange(10)) is first
    assert gathered.nbytes == 10 * ROW


def test_what_was_used_longest_ago_gives_way(archive: Archive) -> None:
    gathered = Gathered(CpuEngine().hold(archive.rows(100)).gather, 25 * ROW)
    a, b = gathered.of("a", np.arange(10)), gathered.of("b", np.arange(10, 20))
    assert gathered.of("a", np.arange(10)) is a
    gathered.of("c", np.arange(20, 30))
    assert gathered.nbytes == 20 * ROW
    assert gathered.of("a", np.arange(10)) is a
    assert gathered.of("b", np.arange(10, 20)) is not b


def test_a_name_never_gives_other_rows(archive: Archive) -> None:
    gathered = Gathered(CpuEngine().hold(archive.rows(100)).gather, 1 << 20)
    assert gathered.of("a", np.arange(10)) is not gathered.of("a", np.arange(1, 11))
    assert gathered.nbytes == 10 * ROW


def test_threads_share_copies_and_find_the_same(archive: Archive, dropping: Callable[..., Kept]) -> None:
    table = VectorTable(archive.rows(2_000), archive.dimensions, copies=300 * ROW)
    asked = archive.asked(40)
    bases = [np.arange(first, 2_000, 20) for first in range(8)]

    def ask(number: int) -> list[int]:
        return table.scan(asked[number % 40], dropping(3, base=bases[number % 8], name=f"filter {number % 8}"), 5).rows.tolist()

    alone = [ask(number) for number in range(160)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(160))) == alone
