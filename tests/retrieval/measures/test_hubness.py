"""Poisoned inserts, near to many, go into quarantine; ordinary new cases do not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.measures.hubness import LEAST, NEAREST, chance_limit, hubs

Unit = Callable[[np.ndarray], np.ndarray]
OWN, NEW, PLANTED, SIZE = 600, 200, 40, 96


def _cases(unit: Unit, seed: int, count: int = OWN + NEW, *, centres: int = 12, spread: float = 0.7, cone: float = 0.0) -> np.ndarray:
    """Vectors in clusters; `cone` pushes all in one direction, as encoders do."""
    fixed, random = np.random.default_rng(7), np.random.default_rng(seed)
    kinds, common = fixed.standard_normal((centres, SIZE)), fixed.standard_normal(SIZE)
    return unit(kinds[random.integers(0, centres, count)] + cone * common + spread * random.standard_normal((count, SIZE)))


def _tuned(unit: Unit, own: np.ndarray, count: int = PLANTED) -> np.ndarray:
    """An attacker who knows the library climbs, from different starts, to where most cases are near."""
    random = np.random.default_rng(11)
    found = []
    for _ in range(count):
        aim = unit(own[random.choice(len(own), 15, replace=False)].mean(0, keepdims=True))[0]
        for many in (200, 120, 80, 60, 60):
            aim = unit(own[np.argsort(-(own @ aim))[:many]].mean(0, keepdims=True))[0]
        found.append(aim)
    return np.array(found)


def _reach(own: np.ndarray, planted: np.ndarray) -> np.ndarray:
    """For each planted vector, among whose ten nearest it comes: counted without the code under test."""
    distances = 1 - own @ own.T
    np.fill_diagonal(distances, np.inf)
    tenth = np.sort(distances, axis=1)[:, NEAREST - 1]
    return np.asarray((1 - planted @ own.T <= tenth).sum(1))


def _caught(stack: Any, planted: int) -> tuple[float, float]:
    """(share of the planted rows, which stand last, in quarantine; share of the ordinary new ones)."""
    rows = {row for row, _ in hubs(stack, np.arange(OWN, stack.cases))}
    first = stack.cases - planted
    return sum(row >= first for row in rows) / max(planted, 1), sum(row < first for row in rows) / NEW


WORLDS = [{"spread": 0.3}, {"cone": 2.0}, {"centres": 1, "spread": 2.0}, {"centres": 150}]


@pytest.mark.fault(87)
@pytest.mark.parametrize("world", WORLDS, ids=str)
def test_ordinary_new_cases_are_let_in(make_stack: Any, unit: Unit, world: dict[str, Any]) -> None:
    stack = make_stack(_cases(unit, 0, **world), _cases(unit, 1, **world))
    assert _caught(stack, 0)[1] <= 0.01


@pytest.mark.fault(87)
@pytest.mark.parametrize("part", ["image", "text"])
@pytest.mark.parametrize("world", [{"centres": 3, "spread": 1.5}, {"cone": 1.0, "spread": 2.0}], ids=str)
def test_vectors_tuned_to_be_near_to_many_are_found(make_stack: Any, unit: Unit, part: str, world: dict[str, Any]) -> None:
    images, texts = _cases(unit, 0, **world), _cases(unit, 1, **world)
    aimed = images if part == "image" else texts
    planted, ordinary = _tuned(unit, aimed[:OWN]), _cases(unit, 2, PLANTED, **world)
    assert np.median(_reach(aimed[:OWN], planted)) > 2.5 * np.quantile(_reach(aimed[:OWN], aimed[OWN:]), 0.999)
    pair = (planted, ordinary) if part == "image" else (ordinary, planted)
    caught, wrongly = _caught(make_stack(np.vstack((images, pair[0])), np.vstack((texts, pair[1]))), PLANTED)
    assert caught >= 0.95
    assert wrongly <= 0.01


@pytest.mark.fault(87)
def test_the_mean_of_everything_is_found_where_it_is_near_to_many(make_stack: Any, unit: Unit) -> None:
    """In one loose cloud the middle is near to all. Two hundred such at once do not hide one another."""
    images, texts = _cases(unit, 0, centres=1, spread=2), _cases(unit, 1, centres=1, spread=2)
    middle = unit(images[:OWN].mean(0, keepdims=True) + 0.02 * np.random.default_rng(4).standard_normal((200, SIZE)))
    assert _reach(images[:OWN], middle).min() > OWN / 4
    caught, wrongly = _caught(make_stack(np.vstack((images, middle)), np.vstack((texts, _cases(unit, 2, 200)))), 200)
    assert caught >= 0.95
    assert wrongly <= 0.01


@pytest.mark.fault(87)
def test_of_a_large_library_a_part_is_enough_to_tell(make_stack: Any, unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.measures.hubness.COMPARED", 300)
    world: dict[str, Any] = {"cone": 1.0, "spread": 2.0}
    images, texts = _cases(unit, 0, **world), _cases(unit, 1, **world)
    planted = _tuned(unit, images[:OWN])
    caught, wrongly = _caught(make_stack(np.vstack((images, planted)), np.vstack((texts, _cases(unit, 2, PLANTED, **world)))), PLANTED)
    assert caught >= 0.95
    assert wrongly <= 0.01


@pytest.mark.fault(87)
def test_slightly_shifted_copies_of_often_found_images_are_found(make_stack: Any, unit: Unit) -> None:
    images, texts = _cases(unit, 0), _cases(unit, 1)
    popular = np.argsort(-_reach(images[:OWN], images[:OWN]))[:PLANTED]
    copies = unit(images[popular] + 0.01 * np.random.default_rng(4).standard_normal((PLANTED, SIZE)))
    caught, wrongly = _caught(make_stack(np.vstack((images, copies)), np.vstack((texts, texts[popular]))), PLANTED)
    assert caught >= 0.95
    assert wrongly <= 0.01


@pytest.mark.parametrize("known_by", ["person", "linked"])
def test_a_persons_own_new_study_may_be_like_the_old_one(make_stack: Any, unit: Unit, known_by: str) -> None:
    images, texts = _cases(unit, 0), _cases(unit, 1)
    popular = np.argsort(-_reach(images[:OWN], images[:OWN]))[:PLANTED]
    copies = unit(images[popular] + 0.01 * np.random.default_rng(4).standard_normal((PLANTED, SIZE)))
    person = np.arange(1, OWN + NEW + PLANTED + 1, dtype=np.uint64)
    linked = {"linked_key": person[popular], "linked_row": np.arange(OWN + NEW, len(person))} if known_by == "linked" else {}
    if known_by == "person":
        person[OWN + NEW :] = person[popular]
    stack = make_stack(np.vstack((images, copies)), np.vstack((texts, _cases(unit, 2, PLANTED))), person=person, **linked)
    assert _caught(stack, PLANTED) == (0, 0)


def test_a_report_that_stands_many_times_makes_its_next_copy_no_hub(make_stack: Any, unit: Unit) -> None:
    """Half the library has one normal report: another case with it is ordinary, and a tuned report is found none the less."""
    images, texts = _cases(unit, 0), _cases(unit, 1, cone=1.0, spread=2.0)
    report = np.arange(1, OWN + NEW + PLANTED + 1, dtype=np.uint64)
    texts[:OWN:2], report[:OWN:2] = texts[0], report[0]
    texts[OWN : OWN + NEW : 2], report[OWN : OWN + NEW : 2] = texts[0], report[0]
    planted = _tuned(unit, texts[1:OWN:2])
    stack = make_stack(np.vstack((images, _cases(unit, 2, PLANTED))), np.vstack((texts, planted)), report=report)
    caught, wrongly = _caught(stack, PLANTED)
    assert caught >= 0.95
    assert wrongly <= 0.01


def test_what_is_gone_already_is_neither_judged_nor_asked(make_stack: Any, unit: Unit) -> None:
    images, texts = _cases(unit, 0, cone=1.0, spread=2.0), _cases(unit, 1, cone=1.0, spread=2.0)
    planted = _tuned(unit, images[:OWN])
    gone = range(OWN + NEW, OWN + NEW + PLANTED)
    stack = make_stack(np.vstack((images, planted)), np.vstack((texts, _cases(unit, 2, PLANTED))), gone=gone)
    assert [row for row, _ in hubs(stack, np.arange(OWN, stack.cases)) if row in gone] == []


def test_every_reason_is_a_phrase_without_content(make_stack: Any, unit: Unit) -> None:
    images, texts = _cases(unit, 0, cone=1.0, spread=2.0), _cases(unit, 1, cone=1.0, spread=2.0)
    planted = _tuned(unit, images[:OWN])
    found = hubs(make_stack(np.vstack((images, planted)), np.vstack((texts, planted))), np.arange(OWN, OWN + NEW + PLANTED))
    assert {reason for _, reason in found} <= {
        "near to too many cases by its image",
        "near to too many cases by its report",
        "near to too many cases by its image and report",
        "nearly a copy of another person's often found image",
    }
    assert list(found) == sorted(found)


def test_a_small_library_and_no_new_rows_put_nothing_into_quarantine(make_stack: Any, unit: Unit) -> None:
    vectors = _cases(unit, 0, LEAST - 1)
    assert hubs(make_stack(vectors, vectors), np.arange(50)) == ()
    vectors = _cases(unit, 0)
    assert hubs(make_stack(vectors, vectors), np.zeros(0, np.int64)) == ()


def test_where_equal_images_of_several_persons_are_ordinary_another_is_no_copy(make_stack: Any, unit: Unit) -> None:
    """An archive that stores each image under two names: another image of that kind is as ordinary as the others."""
    images = _cases(unit, 0).repeat(2, axis=0)[: OWN + NEW]
    images[OWN:] = images[np.random.default_rng(1).permutation(OWN)[:NEW]]
    assert _caught(make_stack(images, _cases(unit, 1)), 0)[1] <= 0.01


def test_a_library_of_one_person_has_nobody_to_copy(make_stack: Any, unit: Unit) -> None:
    images, person = _cases(unit, 0), np.ones(OWN + NEW, np.uint64)
    assert hubs(make_stack(images, _cases(unit, 1), person=person), np.arange(OWN, OWN + NEW)) == ()


def test_a_first_build_is_compared_with_itself(make_stack: Any, unit: Unit) -> None:
    """All rows are new: what stands far out among them is found, though the library has no past."""
    images, texts = _cases(unit, 0, 3_000, centres=1, spread=2), _cases(unit, 1, 3_000)
    images[:2] = unit(images[2:].mean(0, keepdims=True))
    found = hubs(make_stack(images, texts), np.arange(3_000))
    assert {0, 1} <= {row for row, _ in found}
    assert len(found) <= 30


@given(trials=st.integers(1, 300), chance=st.floats(0.001, 0.3), error=st.floats(1e-9, 0.1))
def test_the_limit_of_chance_is_exceeded_as_rarely_as_it_says(trials: int, chance: float, error: float) -> None:
    limit = chance_limit(trials, chance, error)

    def beyond(count: int) -> float:
        return math.fsum(math.comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(count + 1, trials + 1))

    assert beyond(limit) <= error * 1.001 + 1e-12
    assert limit == 0 or beyond(limit - 1) >= error * 0.999 - 1e-12
