"""The weight follows whichever part tells the findings, and stays even where the library cannot say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from retrieval.keys import NEAR_DUPLICATE_BITS
from retrieval.measures.fusion import EVEN, FIRST, GRID, LEAST, Fitted, fit_weight
from retrieval.measures.relevance import FindingSets, ndcg

NAMES = ("cardiomegaly", "edema", "effusion", "nodule")
Unit = Callable[[np.ndarray], np.ndarray]


def _library(
    unit: Unit, image_noise: float, text_noise: float, count: int = 400, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Vectors that tell the findings of each case, as clearly as their noise lets them."""
    random = np.random.default_rng(seed)
    carried = random.random((count, len(NAMES))) < 0.4
    meaning = carried @ random.standard_normal((len(NAMES), 16)) * 2
    images, texts = (unit(meaning + noise * random.standard_normal((count, 16)) + 1e-3) for noise in (image_noise, text_noise))
    return images, texts, [",".join(name for name, has in zip(NAMES, row, strict=True) if has) for row in carried]


def _fit(stack: Any) -> Fitted:
    return fit_weight(stack, near_duplicate_bits=NEAR_DUPLICATE_BITS)


@pytest.mark.parametrize(("image_noise", "text_noise", "low", "high"), [(0.2, 20, 0.7, 0.95), (20, 0.2, 0.05, 0.3), (1, 1, 0.4, 0.6)])
def test_the_part_that_tells_the_findings_has_the_say(
    make_stack: Any, unit: Unit, image_noise: float, text_noise: float, low: float, high: float
) -> None:
    images, texts, findings = _library(unit, image_noise, text_noise)
    fitted = _fit(make_stack(images, texts, findings=findings))
    assert low <= fitted.weight <= high
    assert fitted.queries == 400
    assert tuple(weight for weight, _ in fitted.gain) == GRID


def test_the_weight_is_never_all_or_nothing() -> None:
    assert 0 < min(GRID) < max(GRID) < 1


def test_where_both_parts_say_the_same_both_have_one_voice(make_stack: Any, unit: Unit) -> None:
    images, _, findings = _library(unit, 1, 1)
    fitted = _fit(make_stack(images, images, findings=findings))
    assert fitted.weight == EVEN
    assert len({gain for _, gain in fitted.gain}) == 1


@pytest.mark.parametrize("gone", [0, 1])
def test_a_library_with_too_few_cases_says_so(make_stack: Any, unit: Unit, gone: int) -> None:
    images, texts, findings = _library(unit, 0.2, 20, LEAST - 1 + gone)
    fitted = _fit(make_stack(images, texts, findings=findings, gone=range(gone)))
    assert (fitted.weight, fitted.gain, fitted.queries) == (EVEN, (), 0)
    assert str(LEAST - 1) in fitted.reason


def test_where_all_cases_have_the_same_findings_nothing_can_be_fitted(make_stack: Any, unit: Unit) -> None:
    images, texts, _ = _library(unit, 0.2, 20)
    fitted = _fit(make_stack(images, texts, findings=["nodule"] * 400))
    assert (fitted.weight, fitted.queries) == (EVEN, 0)
    assert "same findings" in fitted.reason


def test_where_no_case_shares_a_finding_nothing_can_be_fitted(make_stack: Any, unit: Unit) -> None:
    images, texts, _ = _library(unit, 0.2, 20)
    fitted = _fit(make_stack(images, texts, findings=[f"finding_{number}" for number in range(400)]))
    assert (fitted.weight, fitted.queries) == (EVEN, 0)


@pytest.mark.fault(84)
def test_copies_of_the_case_itself_do_not_vote(make_stack: Any, unit: Unit) -> None:
    """A second study of each person has the same report: let in, it would make the report look as if it told the findings."""
    images, texts, findings = _library(unit, 0.2, 20, 200)
    twice = np.repeat(np.arange(200), 2)
    person = twice.astype(np.uint64) + np.uint64(1)
    stack = make_stack(images[twice], texts[twice], person=person, findings=[findings[number] for number in twice])
    assert _fit(stack).weight > 0.6


def test_the_gain_is_the_mean_of_each_cases_own_measured_the_long_way(make_stack: Any, unit: Unit) -> None:
    images, texts, findings = _library(unit, 1, 3, 220)
    stack = make_stack(images, texts, findings=findings)
    sets, gains = FindingSets(tuple(findings)), []
    for row in range(220):
        others = [other for other in range(220) if other != row]
        near = [0.3 * float(images[row] @ images[other]) + 0.7 * float(texts[row] @ texts[other]) for other in others]
        shares = sets.shared_with(row)[others]
        gain = ndcg(shares[np.argsort(near)[::-1]], shares, FIRST)
        gains.append(gain)
    known = [gain for gain in gains if gain is not None]
    assert dict(_fit(stack).gain)[0.3] == pytest.approx(np.mean(known), abs=1e-3)
