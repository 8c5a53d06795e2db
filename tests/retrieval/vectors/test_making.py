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

    from retrieval.vectors import Near
    from tests.retrieval.vectors.conftest import Archive

CASES = 8_000


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
    assert (note.rows, note.dimension, note.factory) == (CASES, 40, "IVF128,PQ10x4fs")
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


def test_where_too_few_of_the_kept_are_found_the_answer_is_exact(archive: Archive, rows: Vectors, near: Near) -> None:
    """A filter that takes away just what is near a query: the index finds nothing else, and the scan is made after all."""
    one = archive.asked(1, seed=6, centres=150)[0]
    exact = VectorTable(rows, archive.dimensions)
    others = np.sort(exact.scan(one, archive.everything, CASES).rows[2_000:])
    kept = Kept(others, "far away", np.zeros(0, np.int64))
    found = VectorTable(rows, archive.dimensions, near, SlowEngine()).scan_many(
        [one, archive.asked(1, seed=7, centres=150)[0]], [kept, kept], 10
    )
    assert found[0].plan.startswith("exact scan")
    assert found[0].rows.tolist() == exact.scan(one, kept, 10).rows.tolist()


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
    monkeypatch.setattr("retrieval.vectors.tuning.ENOUGH", 1.01)
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
