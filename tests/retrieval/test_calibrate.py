"""The threshold covers what it says, and says nothing when it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.calibrate import conformal_quantile
from retrieval.cards import Query, SourceCase
from retrieval.library import Library, open_library


@given(distances=st.lists(st.floats(0, 2), min_size=19, max_size=200))
def test_at_least_the_stated_share_of_held_out_distances_lies_under_the_quantile(distances: list[float]) -> None:
    limit = conformal_quantile(distances, 0.95)
    assert limit is not None
    assert sum(distance <= limit for distance in distances) >= 0.95 * len(distances)


@pytest.mark.parametrize(("count", "known"), [(0, False), (18, False), (19, True)])
def test_too_few_queries_give_no_threshold(count: int, known: bool) -> None:
    assert (conformal_quantile([0.5] * count, 0.95) is not None) is known


def test_a_distance_that_nothing_remained_to_give_counts_as_infinite() -> None:
    assert conformal_quantile([0.1] * 18 + [float("inf")], 0.95) is None
    assert conformal_quantile([0.1] * 99 + [float("inf")], 0.95) == 0.1


def test_new_cases_of_the_same_kind_are_comparable_as_often_as_stated() -> None:
    """Marginal coverage over many draws: exchangeable scores stay under the quantile with 95 % or more."""
    rng = np.random.default_rng(0)
    under = [rng.random() <= (conformal_quantile(rng.random(100).tolist(), 0.95) or 0) for _ in range(4_000)]
    assert 0.94 <= np.mean(under) <= 0.975


def test_a_library_too_small_to_calibrate_calls_nothing_comparable(
    tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Any
) -> None:
    made = make_index(tmp_path / "library", [make_case(n) for n in range(10)])
    library = open_library(made.folder, made.encoder.fingerprint)
    result = library.search(Query(image=made.encoder.images([made.cases[0].image])[0], text=None, as_of=made.cases[9].card.as_of))
    assert (result.comparable, result.neighbours) == (False, ())
    assert "too small" in result.reason


@pytest.mark.parametrize("kind", ["image", "text", "fused"])
def test_the_threshold_is_measured_as_a_search_measures(library: Library, index: Any, kind: str) -> None:
    """Every case asked again through the encoder and the scan, held out with its person: the quantile is the stored threshold."""
    images, texts = (
        index.encoder.images([case.image for case in index.cases]),
        index.encoder.texts([case.card.report for case in index.cases]),
    )
    nearest = []
    for row in range(60):
        keep = library.columns.person != library.columns.person[row]
        scan = library.table.scan(images[row] if kind != "text" else None, texts[row] if kind != "image" else None, keep, 1)
        nearest.append(float(scan.distances[0]))
    assert library.manifest.thresholds[kind].distance == pytest.approx(conformal_quantile(nearest, 0.95), abs=1e-4)


def test_people_with_many_studies_do_not_make_the_threshold_tight(
    tmp_path: Path, make_case: Callable[..., SourceCase], make_index: Any, keyring: Any
) -> None:
    """Two studies of one person are nearly the same picture: held out with the person, they do not calibrate each other."""
    rng = np.random.default_rng(1)
    cases = []
    for number in range(60):
        base = np.random.default_rng(number // 2).random((32, 32), dtype=np.float32)
        image = np.clip(base + rng.normal(0, 0.01, base.shape).astype(np.float32), 0, 1)
        cases.append(make_case(number, image=image, image_hash=number * 0x0123456789ABCDEF % 2**64))
    made = make_index(tmp_path / "library", cases)
    assert open_library(made.folder, made.encoder.fingerprint).info.thresholds["image"] > 0.3
