"""Rows appended to a file that numpy can read, and that nothing here ever unpickles."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import IndexCorrupt
from retrieval.generation.vector_file import VectorWriter, rows_of
from retrieval.vectors import Dimensions

DIMENSIONS = Dimensions(5, 3)
ROWS = np.random.default_rng(0).standard_normal((7, 8)).astype(np.float32)


def written(path: Path, *parts: np.ndarray, rows: int = 0) -> bytes:
    writer = VectorWriter(path, DIMENSIONS, rows)
    for part in parts:
        writer.add(part)
    writer.finish()
    return path.read_bytes()


def as_bytes(data: bytes) -> np.ndarray:
    return np.frombuffer(data, dtype=np.uint8)


def test_what_was_appended_is_read_back_by_view_and_by_numpy(tmp_path: Path) -> None:
    data = written(tmp_path / "vectors.npy", ROWS[:3], ROWS[3:])
    np.testing.assert_array_equal(np.load(io.BytesIO(data), allow_pickle=False), ROWS)
    mapped = as_bytes(data)
    rows = rows_of(mapped, 7, DIMENSIONS)
    np.testing.assert_array_equal(rows, ROWS)
    assert np.shares_memory(rows, mapped)


def test_rows_begin_at_a_multiple_of_64_bytes(tmp_path: Path) -> None:
    assert written(tmp_path / "vectors.npy", ROWS)[128:] == ROWS.tobytes()


@given(rows=st.integers(0, 10**12), image=st.integers(1, 10**5), text=st.integers(1, 10**5))
def test_a_header_is_the_one_numpy_reads_and_of_one_length_whatever_it_says(rows: int, image: int, text: int) -> None:
    from retrieval.generation.vector_file import _header

    header = _header(rows, Dimensions(image, text))
    assert len(header) == 128
    file = io.BytesIO(header)
    assert np.lib.format.read_magic(file) == (1, 0)
    assert np.lib.format.read_array_header_1_0(file) == ((rows, image + text), False, np.dtype("<f4"))


@pytest.mark.fault(90)
def test_a_file_is_cut_back_to_what_was_committed_and_goes_on_there(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npy"
    killed = VectorWriter(path, DIMENSIONS)
    killed.add(ROWS[:4])
    killed.flush()
    killed.add(ROWS[:1])
    killed.close()
    assert written(path, ROWS[4:], rows=4) == written(tmp_path / "whole.npy", ROWS)


@pytest.mark.fault(90)
def test_a_file_with_fewer_rows_than_were_committed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npy"
    written(path, ROWS[:3])
    with pytest.raises(IndexCorrupt):
        VectorWriter(path, DIMENSIONS, 4)


@pytest.mark.fault(82)
@pytest.mark.parametrize(
    ("cases", "dimensions"), [(6, DIMENSIONS), (8, DIMENSIONS), (7, Dimensions(5, 2)), (7, Dimensions(9, 9)), (14, Dimensions(2, 2))]
)
def test_rows_of_another_number_or_length_are_refused(tmp_path: Path, cases: int, dimensions: Dimensions) -> None:
    data = as_bytes(written(tmp_path / "vectors.npy", ROWS))
    with pytest.raises(IndexCorrupt):
        rows_of(data, cases, dimensions)


@pytest.mark.fault(86)
def test_an_array_of_pickled_objects_is_refused_unread(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "loaded",))

    file = io.BytesIO()
    np.save(file, np.array([[Trap()] * 8] * 7, dtype=object), allow_pickle=True)
    with pytest.raises(IndexCorrupt):
        rows_of(as_bytes(file.getvalue()), 7, DIMENSIONS)
    assert not (tmp_path / "loaded").exists()
