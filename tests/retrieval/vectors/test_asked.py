"""Unit rows, and queries of an image, of a report, or of both."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.errors import BadVector, QueryRefused
from retrieval.vectors import Dimensions, Kind, Vectors, ask, unit_rows
from retrieval.vectors.asked import widened

DIMENSIONS = Dimensions(3, 2)
IMAGE = np.array([0, 1, 0], dtype=np.float32)
TEXT = np.array([0.6, 0.8], dtype=np.float32)


@pytest.mark.parametrize(("kind", "columns"), [("image", slice(0, 3)), ("text", slice(3, 5)), ("fused", slice(0, 5))])
def test_a_kind_compares_its_columns(kind: Kind, columns: slice) -> None:
    assert DIMENSIONS.columns(kind) == columns
    assert DIMENSIONS.total == 5


@pytest.mark.parametrize("kind", ["image", "text", "fused"])
def test_a_query_as_long_as_a_row_asks_nothing_of_the_other_columns(kind: Kind) -> None:
    columns, rng = DIMENSIONS.columns(kind), np.random.default_rng(1)
    rows, queries = rng.random((4, 5), dtype=np.float32), rng.random((2, columns.stop - columns.start), dtype=np.float32)
    wide = widened(queries, columns, 5)
    assert wide.dtype == np.float32
    np.testing.assert_allclose(wide @ rows.T, queries @ rows[:, columns].T, rtol=1e-6)


def test_the_product_of_a_fused_query_with_a_row_is_the_weighted_mean_of_two_cosines() -> None:
    row = np.concatenate((np.array([0.6, 0.8, 0]), np.array([1, 0]))).astype(np.float32)
    asked = ask(IMAGE, TEXT, 0.25, DIMENSIONS)
    assert asked.kind == "fused"
    assert float(asked.vector @ row) == pytest.approx(0.25 * 0.8 + 0.75 * 0.6)


@pytest.mark.parametrize(("image", "text", "kind"), [(IMAGE, None, "image"), (None, TEXT, "text")])
def test_a_query_of_one_part_is_not_weighted(image: Vectors | None, text: Vectors | None, kind: str) -> None:
    asked = ask(image, text, 0.25, DIMENSIONS)
    assert asked.kind == kind
    assert np.allclose(asked.vector, IMAGE if text is None else TEXT)


@pytest.mark.fault(85)
@pytest.mark.parametrize(
    "vector",
    [
        pytest.param(np.full(3, np.nan, np.float32), id="NaN"),
        pytest.param(np.zeros(3, np.float32), id="zero"),
        pytest.param(np.full(3, np.inf, np.float32), id="infinite"),
        pytest.param(np.ones(3, np.float32), id="not of length 1"),
        pytest.param(TEXT, id="other dimension"),
        pytest.param(None, id="none at all"),
    ],
)
def test_refuses_a_query_vector_that_is_none(vector: Vectors | None) -> None:
    with pytest.raises(QueryRefused):
        ask(vector, None, 0.5, DIMENSIONS)


@pytest.mark.fault(85)
def test_marks_vectors_of_cases_that_are_no_unit_vectors() -> None:
    rows = np.tile(np.array([0.6, 0.8], np.float32), (4, 1)) * np.float32(1.004)
    rows[1], rows[2] = np.nan, 0
    scaled, usable = unit_rows(rows, 2, 4)
    assert usable.tolist() == [True, False, False, True]
    assert np.isfinite(scaled).all()
    assert np.linalg.norm(scaled[0]) == pytest.approx(1, abs=1e-6)
    with pytest.raises(BadVector):
        unit_rows(rows[:3], 2, 4)
