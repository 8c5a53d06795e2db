"""A flat index of FAISS, here its float16 form for CPUs: what a GPU's answers with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import pytest

from retrieval.vectors import Vectors, VectorTable
from retrieval.vectors.engine import Held, Rates, Room
from retrieval.vectors.exact import CpuEngine
from retrieval.vectors.on_faiss import FaissRows

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrieval.vectors import Kept
    from tests.retrieval.vectors.conftest import Archive


def halves(dimension: int) -> Any:
    return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)


class Halves:
    name = "halves"
    rates: Rates = CpuEngine.rates
    room: Room = CpuEngine.room

    def hold(self, rows: Vectors) -> Held:
        return FaissRows(rows, halves)


@pytest.mark.parametrize("kind", ["image", "text", "fused"])
@pytest.mark.parametrize("base", [None, np.arange(0, 3_000, 10), np.arange(300, 3_000)], ids=["all", "some", "most"])
def test_halves_scored_again_are_the_exact_answer(
    archive: Archive, dropping: Callable[..., Kept], kind: str, base: np.ndarray | None
) -> None:
    rows = archive.rows(3_000)
    asked = archive.asked(6, kind)  # type: ignore[arg-type]
    exact = VectorTable(rows, archive.dimensions)
    own = exact.scan(asked[0], archive.everything, 20).rows.tolist()
    kept = [dropping(*own, base=base)] * 3 + [dropping(base=base)] * 3
    mine = VectorTable(rows, archive.dimensions, engine=Halves()).scan_many(asked, kept, 10)
    for found, expected in zip(mine, exact.scan_many(asked, kept, 10), strict=True):
        assert found.rows.tolist() == expected.rows.tolist()
        assert found.distances.tolist() == expected.distances.tolist()


def test_more_than_faiss_can_fetch_is_searched_on_the_cpu(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.vectors.on_faiss.MOST_FETCHED", 50)
    rows = archive.rows(500)
    one = archive.asked(1)[0]
    mine, exact = (VectorTable(rows, archive.dimensions, engine=engine).scan(one, archive.everything, 100) for engine in (Halves(), None))
    assert mine.rows.tolist() == exact.rows.tolist()


def test_it_tells_its_rows_and_bytes(archive: Archive) -> None:
    held = FaissRows(archive.rows(10), halves)
    assert (held.count, held.nbytes) == (10, 10 * 40 * 2)
