"""The threshold covers what it says, refuses what is of another kind, and says nothing when it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.keys import NEAR_DUPLICATE_BITS
from retrieval.measures.calibrate import COVERAGE, QUERIES, calibrate, conformal_quantile
from retrieval.measures.held_out import living, sample
from retrieval.vectors import KINDS, Kept, ask

Unit = Callable[[np.ndarray], np.ndarray]


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


def _clustered(unit: Unit, seed: int, count: int, dimension: int = 24) -> np.ndarray:
    """Cases of twelve kinds, as vectors."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(7).standard_normal((12, dimension))
    return unit(centres[random.integers(0, 12, count)] + 0.7 * random.standard_normal((count, dimension)))


def _calibrated(stack: Any, weight: float = 0.5) -> dict[str, float | None]:
    return {kind: one.distance for kind, one in calibrate(stack, near_duplicate_bits=NEAR_DUPLICATE_BITS, weight=weight).items()}


def test_the_threshold_is_the_quantile_of_what_each_held_out_case_would_find(make_stack: Any, unit: Unit) -> None:
    """Written down again the long way: two rows a person, one case asked at a time, all other persons' distances by hand."""
    images, texts = _clustered(unit, 0, 80), _clustered(unit, 1, 80)
    person = np.arange(80, dtype=np.uint64) // np.uint64(2) + np.uint64(1)
    found = _calibrated(make_stack(images, texts, person=person), weight=0.3)
    others = person[:, None] != person[None]
    cosines = {"image": images @ images.T, "text": texts @ texts.T, "fused": 0.3 * images @ images.T + 0.7 * texts @ texts.T}
    for kind in KINDS:
        nearest = np.where(others, 1 - cosines[kind], np.inf).min(1).tolist()
        assert found[kind] == pytest.approx(conformal_quantile(nearest, COVERAGE), abs=1e-5)


def test_a_library_too_small_has_no_threshold(make_stack: Any, unit: Unit) -> None:
    vectors = _clustered(unit, 0, 18)
    assert _calibrated(make_stack(vectors, vectors)) == dict.fromkeys(KINDS)
    vectors = _clustered(unit, 0, 19)
    assert None not in _calibrated(make_stack(vectors, vectors)).values()


def test_a_library_of_one_person_has_no_threshold(make_stack: Any, unit: Unit) -> None:
    vectors = _clustered(unit, 0, 40)
    assert _calibrated(make_stack(vectors, vectors, person=np.ones(40, np.uint64))) == dict.fromkeys(KINDS)


@pytest.mark.parametrize("copies", ["person", "study", "report", "image_hash"])
def test_copies_do_not_make_the_threshold_tight(make_stack: Any, unit: Unit, copies: str) -> None:
    """Two rows that are nearly one do not calibrate each other, by whatever they are known to be one."""
    vectors = _clustered(unit, 0, 60)
    twice = np.repeat(vectors, 2, axis=0)
    one_of_two = np.random.default_rng(3).integers(1, 2**63, 60).astype(np.uint64).repeat(2)
    found = _calibrated(make_stack(twice, twice, **{copies: one_of_two}))
    single = _calibrated(make_stack(vectors, vectors))
    assert found == pytest.approx(single, abs=0.05)
    assert min(value or 0 for value in found.values()) > 0.1


def test_what_is_gone_calibrates_nothing(make_stack: Any, unit: Unit) -> None:
    vectors = _clustered(unit, 0, 120)
    gone = list(range(60, 120))
    assert _calibrated(make_stack(vectors, vectors, gone=gone)) == pytest.approx(_calibrated(make_stack(vectors[:60], vectors[:60])))


def test_no_more_are_asked_than_the_sample(make_stack: Any, unit: Unit) -> None:
    vectors = _clustered(unit, 0, QUERIES + 100)
    made = calibrate(make_stack(vectors, vectors), near_duplicate_bits=NEAR_DUPLICATE_BITS, weight=0.5)
    assert {one.queries for one in made.values()} == {QUERIES}


def _under(stack: Any, kind: str, images: np.ndarray, texts: np.ndarray, limit: float) -> np.ndarray:
    asked = [
        ask(None if kind == "text" else image, None if kind == "image" else text, 0.5, stack.dimensions)
        for image, text in zip(images, texts, strict=True)
    ]
    everything = Kept(None, None, np.zeros(0, np.int64))
    return np.array([scan.distances[0] <= limit for scan in stack.scan_many(asked, [everything] * len(asked), 1)])


def test_of_new_cases_of_the_librarys_kind_the_stated_share_is_comparable(make_stack: Any, unit: Unit) -> None:
    """Six libraries and six other halves: the mean coverage is the stated one within its sampling error."""
    share: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for seed in range(6):
        images, texts = _clustered(unit, 100 + seed, 480), _clustered(unit, 200 + seed, 480)
        stack = make_stack(images[:240], texts[:240])
        limits = _calibrated(stack)
        for kind in KINDS:
            share[kind].append(float(_under(stack, kind, images[240:], texts[240:], limits[kind] or 0).mean()))
    for kind in KINDS:
        error = np.std(share[kind], ddof=1) / np.sqrt(len(share[kind]))
        assert np.mean(share[kind]) >= COVERAGE - 3 * error, kind
        assert np.mean(share[kind]) <= COVERAGE + 0.02, kind


def test_what_is_of_another_kind_is_mostly_refused(make_stack: Any, unit: Unit) -> None:
    images, texts = _clustered(unit, 0, 400), _clustered(unit, 1, 400)
    stack = make_stack(images, texts)
    limits = _calibrated(stack)
    noise = unit(np.random.default_rng(5).standard_normal((200, 24)))
    for kind in KINDS:
        assert _under(stack, kind, noise, noise[::-1], limits[kind] or 0).mean() < 0.1, kind


def test_the_sample_is_spread_over_the_whole_library(make_stack: Any, unit: Unit) -> None:
    vectors = _clustered(unit, 0, 2_000)
    rows = sample(living(make_stack(vectors, vectors)), QUERIES)
    assert np.histogram(rows, bins=4, range=(0, 2_000))[0].min() > 90
