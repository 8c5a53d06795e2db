"""The report of an image is found when both have one place, and not when they have two; chance is what it is by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evaluation.asking import embedded
from evaluation.case_sets import CaseSet
from evaluation.known_items import image_to_report, question_to_report, report_to_image


def _shares(found: Any) -> list[float | None]:
    return [figure.value for figure in found.recall]


def test_in_a_shared_space_every_report_is_found_first_from_either_side(case_set: CaseSet, build_of: Any, shared_space: Any) -> None:
    encoder = shared_space()
    with build_of(case_set.cases[:60], encoder) as library:
        asked = embedded(encoder, case_set.cases[:20])
        for found in (image_to_report(library, asked), report_to_image(library, asked)):
            assert _shares(found) == [1, 1, 1]
            assert (found.median_rank, found.among) == (1, 60)
            assert found.by_chance == pytest.approx((1 / 60, 5 / 60, 10 / 60))


def test_where_images_point_elsewhere_the_item_is_not_found_first(case_set: CaseSet, build_of: Any, shared_space: Any) -> None:
    encoder = shared_space(off=1)
    with build_of(case_set.cases[:60], encoder) as library:
        found = image_to_report(library, embedded(encoder, case_set.cases[:20]))
    assert _shares(found)[0] == 0
    assert (found.median_rank or 0) > 1


def test_equal_reports_count_as_found_and_make_chance_easier(case_set: CaseSet, make_case: Any, build_of: Any, encoder: Any) -> None:
    """All sixty have one report: nothing can be told apart, and the commonest is always right."""
    cases = [make_case(number, report="no acute cardiopulmonary abnormality") for number in range(60)]
    with build_of(cases, encoder) as library:
        found = report_to_image(library, embedded(encoder, cases[:10]))
    assert _shares(found) == [1, 1, 1]
    assert found.by_chance == (1, 1, 1)
    assert found.commonest == 1


def test_chance_with_several_equal_reports_is_drawing_without_putting_back(make_case: Any, build_of: Any, encoder: Any) -> None:
    """Two of four are equal: at one draw 1/2; at five, all four are drawn."""
    words = ("clear lungs", "clear lungs", "pleural effusion right", "left pneumothorax")
    cases = [make_case(number, report=words[number]) for number in range(4)]
    with build_of(cases, encoder) as library:
        found = report_to_image(library, embedded(encoder, cases[:1]))
    assert found.by_chance == pytest.approx((1 / 2, 1, 1))
    assert found.commonest == 1


def test_a_question_finds_the_case_it_was_asked_of(case_set: CaseSet, build_of: Any, shared_space: Any) -> None:
    encoder = shared_space()
    with build_of(case_set.cases[:60], encoder) as library:
        asked = embedded(encoder, case_set.cases[:10])
        own = question_to_report(library, [(one, encoder.texts([one.card.report])[0]) for one in asked])
        other = question_to_report(library, [(one, encoder.texts([asked[0].card.report])[0]) for one in asked[1:]])
    assert own.recall[0].value == 1
    assert other.recall[0].value == 0
    assert own.recall[0].persons == 5


def test_intervals_are_over_persons(case_set: CaseSet, build_of: Any, shared_space: Any) -> None:
    encoder = shared_space()
    with build_of(case_set.cases[:60], encoder) as library:
        found = image_to_report(library, embedded(encoder, case_set.cases[:20]))
    assert (found.recall[0].queries, found.recall[0].persons) == (20, 10)
    assert np.isfinite(found.commonest)
