"""The product of torch, here on the CPU: the same code as on a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from retrieval.vectors import Kept, VectorTable
from retrieval.vectors.engine import Barred, Pairs
from retrieval.vectors.exact import CpuEngine
from retrieval.vectors.gpu import TorchEngine
from retrieval.vectors.on_torch import GROUP, _largest, hold

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.retrieval.vectors.conftest import Archive


@pytest.mark.parametrize("devices", [["cpu"], ["cpu", "cpu", "cpu"]])
@pytest.mark.parametrize("kind", ["image", "text", "fused"])
@pytest.mark.parametrize("base", [None, np.arange(0, 3_000, 10), np.arange(300, 3_000)], ids=["all", "some", "most"])
def test_halves_scored_again_are_the_exact_answer(
    archive: Archive, dropping: Callable[..., Kept], devices: list[str], kind: str, base: np.ndarray | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.vectors.on_torch._PRODUCTS", 2_000)  # several blocks
    monkeypatch.setattr("retrieval.vectors.on_torch.GROUP", 4)  # more groups than are fetched
    rows = archive.rows(3_000)
    asked = archive.asked(6, kind)  # type: ignore[arg-type]
    exact = VectorTable(rows, archive.dimensions)
    own = exact.scan(asked[0], archive.everything, 20).rows.tolist()
    kept = [dropping(*own, base=base)] * 3 + [dropping(base=base)] * 3
    mine = VectorTable(rows, archive.dimensions, engine=TorchEngine(devices)).scan_many(asked, kept, 10)
    for found, expected in zip(mine, exact.scan_many(asked, kept, 10), strict=True):
        assert found.rows.tolist() == expected.rows.tolist()
        assert found.distances.tolist() == expected.distances.tolist()


def test_fewer_rows_than_asked_for_and_none(archive: Archive) -> None:
    query = archive.asked(1)[0].vector[None]
    nothing = Barred(Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64)))
    held = hold(archive.rows(5), "cpu")
    assert (held.count, held.nbytes) == (5, 5 * 40 * 2)
    assert sorted(held.nearest(slice(0, 40), query, 50, nothing).position.tolist()) == list(range(5))
    assert len(held.gather(np.zeros(0, np.int64)).nearest(slice(0, 40), query, 50, nothing).position) == 0


def test_what_is_barred_for_all_is_found_by_none(archive: Archive) -> None:
    query = archive.asked(1)[0].vector[None]
    barred = Barred(Pairs(np.array([0]), np.array([4])), np.arange(10) % 2 == 1)
    for held in (hold(archive.rows(10), "cpu"), CpuEngine().hold(archive.rows(10))):
        assert sorted(held.nearest(slice(0, 40), query, 10, barred).position.tolist()) == [0, 2, 6, 8]


@pytest.mark.parametrize(("lacking", "plan"), [(0, "exact scan over kept rows"), (1, "exact scan over all rows")])
def test_what_a_filter_keeps_is_kept_as_halves_or_the_rest_is_passed_over(
    archive: Archive, dropping: Callable[..., Kept], lacking: int, plan: str
) -> None:
    """A CPU never picks rows one by one for a GPU: of ten million that took 150 times as long as to multiply them all."""
    rows, base = archive.rows(3_000), np.arange(0, 3_000, 10)
    room = len(base) * rows.shape[1] * 2 - lacking
    kept = dropping(30, 60, base=base)
    found = VectorTable(rows, archive.dimensions, engine=TorchEngine(["cpu"]), copies=room).scan(archive.asked(1)[0], kept, 10)
    expected = VectorTable(rows, archive.dimensions).scan(archive.asked(1)[0], kept, 10)
    assert found.plan == plan
    assert found.rows.tolist() == expected.rows.tolist()


@given(
    queries=st.integers(1, 3),
    count=st.integers(1, 40 * GROUP),
    most=st.integers(1, 30),
    values=st.integers(1, 50),
    barred=st.floats(0, 1),
    seed=st.integers(0, 1 << 30),
)
def test_the_largest_by_groups_are_the_largest(queries: int, count: int, most: int, values: int, barred: float, seed: int) -> None:
    """Few different values, so that many tie; some barred, as minus infinity."""
    drawn = torch.Generator().manual_seed(seed)
    products = torch.randint(values, (queries, count), generator=drawn).half()
    products[torch.rand(queries, count, generator=drawn) < barred] = -torch.inf
    found, columns = _largest(products, most)
    assert torch.equal(found, torch.topk(products, min(most, count), dim=1).values)
    assert torch.equal(found, torch.gather(products, 1, columns))
    assert all(len(set(row)) == len(row) for row in columns.tolist())
