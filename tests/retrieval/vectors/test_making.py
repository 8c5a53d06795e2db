"""The approximate index as a build makes it: tuned, written, opened again and searched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from retrieval.vectors import KINDS, Kept, NearNote, Vectors, VectorTable, load_near, make_near
from retrieval.vectors.exact import CpuEngine
from retrieval.vectors.making import _together, lists_for, sampled

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrieval.vectors import Asked, Near
    from tests.retrieval.vectors.conftest import Archive

CASES = 4_000


class SlowEngine(CpuEngine):
    """The CPU, as if its exact scan took a thousand times as long: a few thousand rows are then many."""

    rates = CpuEngine.rates.__class__(read=330, multiply=19, pick=850)


@pytest.fixture(scope="module")
def rows(archive: Archive) -> Vectors:
    return archive.rows(CASES, centres=150)


@pytest.fixture(scope="module")
def made(archive: Archive, rows: Vectors, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NearNote]:
    path = tmp_path_factory.mktemp("near") / "near.faiss"
    note = make_near(rows, archive.dimensions, 0.5, path, fewest_bytes=0)
    assert note is not None
    return path, note


@pytest.fixture(scope="module")
def near(made: tuple[Path, NearNote]) -> Near:
    return load_near(np.memmap(made[0], dtype=np.uint8, mode="r"), made[1])


def test_the_note_says_what_was_measured_and_survives_json(made: tuple[Path, NearNote]) -> None:
    note = made[1]
    assert (note.rows, note.dimension, note.factory) == (CASES, 40, "IVF64,PQ10x4fs")
    assert {(point.kind, point.limit) for point in note.points} >= {(kind, 10) for kind in KINDS}
    assert all(point.recall >= 0.985 for point in note.points)
    assert NearNote.model_validate_json(note.model_dump_json()) == note


def test_it_takes_less_than_half_of_the_vectors(made: tuple[Path, NearNote], rows: Vectors) -> None:
    assert made[0].stat().st_size < 0.45 * rows.nbytes


@pytest.mark.parametrize("kind", KINDS)
def test_new_queries_find_as_much_as_was_promised(archive: Archive, rows: Vectors, near: Near, kind: str) -> None:
    asked = archive.asked(200, kind, seed=99, centres=150)  # type: ignore[arg-type]
    every = [archive.everything] * 200
    found = VectorTable(rows, archive.dimensions, near, SlowEngine()).scan_many(asked, every, 10)
    exact = VectorTable(rows, archive.dimensions).scan_many(asked, every, 10)
    assert {scan.plan for scan in found} == {"approximate index"}
    same = sum(len(set(a.rows.tolist()) & set(b.rows.tolist())) for a, b in zip(found, exact, strict=True))
    assert same >= 0.975 * 2_000
    distance = {(n, row): d for n, scan in enumerate(exact) for row, d in zip(scan.rows.tolist(), scan.distances.tolist(), strict=True)}
    mine = {(n, row): d for n, scan in enumerate(found) for row, d in zip(scan.rows.tolist(), scan.distances.tolist(), strict=True)}
    assert all(distance[key] == mine[key] for key in distance.keys() & mine.keys())


@pytest.mark.parametrize("share", [0.1, 0.4])
@pytest.mark.parametrize("kind", KINDS)
def test_under_a_filter_new_queries_find_as_much_as_was_promised(
    archive: Archive, rows: Vectors, near: Near, dropping: Callable[..., Kept], kind: str, share: float
) -> None:
    asked = archive.asked(200, kind, seed=98, centres=150)  # type: ignore[arg-type]
    base = np.flatnonzero(np.random.default_rng(4).random(CASES) < share)
    kept = [dropping(3, 4, base=base)] * 200
    found = VectorTable(rows, archive.dimensions, near, SlowEngine()).scan_many(asked, kept, 10)
    exact = VectorTable(rows, archive.dimensions).scan_many(asked, kept, 10)
    by_codes = [scan for scan in found if scan.plan in {"approximate index", "codes of kept rows"}]
    assert (share, kind) != (0.4, "fused") or len(by_codes) > 100, "codes of 4 or 6 parts cannot tell, those of 10 can"
    assert not {row for scan in found for row in scan.rows.tolist()} - set(base.tolist())
    same = sum(len(set(a.rows.tolist()) & set(b.rows.tolist())) for a, b in zip(found, exact, strict=True))
    assert same >= 0.985 * 2_000


def test_a_patients_own_rows_are_dropped_and_others_found_in_their_place(
    archive: Archive, rows: Vectors, near: Near, dropping: Callable[..., Kept]
) -> None:
    """The rows dropped are the very nearest: what a leak check takes away."""
    asked = archive.asked(20, seed=5, centres=150)
    exact, table = VectorTable(rows, archive.dimensions), VectorTable(rows, archive.dimensions, near, SlowEngine())
    for one in asked:
        own = dropping(*exact.scan(one, archive.everything, 40).rows.tolist())
        found, expected = table.scan(one, own, 10), exact.scan(one, own, 10)
        assert found.plan == "approximate index"
        assert not set(found.rows.tolist()) & set(own.dropped.tolist())
        assert len(set(found.rows.tolist()) & set(expected.rows.tolist())) >= 8


def _unlike(archive: Archive, rows: Vectors, one: Asked) -> Kept:
    """A filter that keeps the third of all rows that is farthest from a query."""
    order = VectorTable(rows, archive.dimensions).scan(one, archive.everything, CASES).rows
    return Kept(np.sort(order[-CASES // 3 :]), "far away", np.zeros(0, np.int64))


def test_where_a_filter_keeps_what_is_unlike_a_query_and_few_lists_are_measured_the_answer_is_exact(
    archive: Archive, rows: Vectors, made: tuple[Path, NearNote]
) -> None:
    path, note = made
    few = note.model_copy(update={"points": tuple(one.model_copy(update={"probes": 4}) for one in note.points if one.limit == 10)})
    table = VectorTable(rows, archive.dimensions, load_near(np.memmap(path, dtype=np.uint8, mode="r"), few), SlowEngine())
    exact = VectorTable(rows, archive.dimensions)
    for one in archive.asked(10, seed=6, centres=150):
        kept = _unlike(archive, rows, one)
        found = table.scan(one, kept, 10)
        assert found.plan.startswith("exact scan")
        assert found.rows.tolist() == exact.scan(one, kept, 10).rows.tolist()


def test_where_a_filter_keeps_what_is_unlike_a_query_nothing_more_is_lost(archive: Archive, rows: Vectors, near: Near) -> None:
    """Whichever plan answers in the end: more lists, or an exact scan."""
    table, exact = VectorTable(rows, archive.dimensions, near, SlowEngine()), VectorTable(rows, archive.dimensions)
    same = 0
    for one in archive.asked(60, seed=7, centres=150):
        kept = _unlike(archive, rows, one)
        found, expected = (each.scan(one, kept, 10).rows.tolist() for each in (table, exact))
        same += len(set(found) & set(expected))
    assert same >= 0.97 * 600


def _whole(note: NearNote) -> NearNote:
    """What looks at all lists, and nothing that looks at few."""
    return note.model_copy(update={"points": tuple(one for one in note.points if one.share == 1 and one.probes == note.lists)})


@pytest.mark.parametrize("batch", [1, 30])
def test_where_all_codes_are_looked_at_only_kept_rows_are_found_and_as_many_as_promised(
    archive: Archive, rows: Vectors, made: tuple[Path, NearNote], dropping: Callable[..., Kept], batch: int
) -> None:
    near = load_near(np.memmap(made[0], dtype=np.uint8, mode="r"), _whole(made[1]))
    table, exact = VectorTable(rows, archive.dimensions, near, SlowEngine()), VectorTable(rows, archive.dimensions)
    asked, base, same, by_codes = archive.asked(60, seed=8, centres=150), np.flatnonzero(np.arange(CASES) % 5 < 2), 0, 0
    for first in range(0, 60, batch):
        some = asked[first : first + batch]
        own = [dropping(*exact.scan(one, dropping(base=base), 3).rows.tolist(), base=base) for one in some]
        for one, kept, found in zip(some, own, table.scan_many(some, own, 10), strict=True):
            assert set(found.rows.tolist()) <= set(base.tolist()) - set(kept.dropped.tolist())
            same += len(set(found.rows.tolist()) & set(exact.scan(one, kept, 10).rows.tolist()))
            by_codes += found.plan == "codes of kept rows"
    assert by_codes > 30
    assert same >= 0.985 * 600


def test_where_codes_cannot_tell_what_is_kept_apart_nothing_is_lost(
    archive: Archive, rows: Vectors, made: tuple[Path, NearNote], dropping: Callable[..., Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filter that keeps rows as far from the query as one another: a setting found by other queries promises nothing there."""
    near = load_near(np.memmap(made[0], dtype=np.uint8, mode="r"), _whole(made[1]))
    table, exact = VectorTable(rows, archive.dimensions, near, SlowEngine()), VectorTable(rows, archive.dimensions)

    def lost() -> int:
        missed = 0
        for one in archive.asked(10, seed=9, centres=150):
            kept = dropping(base=np.sort(exact.scan(one, archive.everything, CASES).rows[2_000:3_600]))
            missed += len(set(exact.scan(one, kept, 10).rows.tolist()) - set(table.scan(one, kept, 10).rows.tolist()))
        return missed

    assert lost() == 0
    monkeypatch.setattr("retrieval.vectors.settling.STANDS_OUT", -np.inf)
    assert lost() > 50, "what would be lost if no query were in doubt"


def test_the_same_rows_give_the_same_bytes(archive: Archive, tmp_path: Path) -> None:
    rows = archive.rows(1_000)
    notes = [make_near(rows, archive.dimensions, 0.5, tmp_path / name, fewest_bytes=0) for name in ("a", "b")]
    assert notes[0] == notes[1]
    assert notes[0] is not None
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_few_rows_need_none(archive: Archive, tmp_path: Path) -> None:
    assert make_near(archive.rows(2_000), archive.dimensions, 0.5, tmp_path / "near.faiss") is None
    assert make_near(archive.rows(30), archive.dimensions, 0.5, tmp_path / "near.faiss", fewest_bytes=0) is None
    assert list(tmp_path.iterdir()) == []


def test_where_no_setting_finds_enough_there_is_none(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENOUGH", "ENOUGH_FILTERED"):
        monkeypatch.setattr(f"retrieval.vectors.tuning.{name}", 1.01)
    assert make_near(archive.rows(1_000), archive.dimensions, 0.5, tmp_path / "near.faiss", fewest_bytes=0) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("rows", "lists"), [(1_000_000, 2_048), (100_000, 512), (1_000, 16), (50, 1)])
def test_lists_grow_with_the_root_of_the_rows_and_can_be_trained(rows: int, lists: int) -> None:
    assert lists_for(rows) == lists


def test_what_is_tuned_with_is_not_trained_on() -> None:
    held_out, trained_on = sampled(5_000, 64)
    assert (len(held_out), len(trained_on)) == (256, 2_560)
    assert not set(held_out.tolist()) & set(trained_on.tolist())


@pytest.mark.parametrize(("columns", "together"), [(768, 4), (42, 3), (14, 2), (7, 1)])
def test_columns_share_codes_where_they_can_be_divided(columns: int, together: int) -> None:
    assert _together(columns) == together
