"""The whole study on small sets: every part is measured where it means something, and what is left out is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evaluation.case_sets import Caption, CaptionSet, CaseSet
from evaluation.gates import missed
from evaluation.retrieval import LEAST_DIVIDED, RetrievalStudy, study


@pytest.fixture(scope="module")
def captions() -> CaptionSet:
    words = ("bone", "liver", "brain")
    return CaptionSet(
        "captions",
        "texts of the tests",
        tuple(Caption(f"{words[n % 3]} figure {chr(97 + n)}", frozenset({words[n % 3]}), str(n)) for n in range(12)),
    )


@pytest.fixture(scope="module")
def told() -> list[tuple[str, int, int | None]]:
    return []


@pytest.fixture(scope="module")
def whole(case_set: CaseSet, captions: CaptionSet, encoder: Any, told: list[tuple[str, int, int | None]]) -> RetrievalStudy:
    """Three sets: one as it is, one whose reports are labels, one too small to divide."""
    labels = replace(case_set, name="labels", reports="labels", cases=case_set.cases[:90])
    few = case_set.cases[: LEAST_DIVIDED - 1]
    small = replace(case_set, name="small", cases=few, questions=tuple((case.card.report, case.card.key) for case in few[:5]))
    return study([case_set, labels, small], captions, encoder, name="hash", queries=30, tell=lambda *one: told.append(one))


def test_a_set_is_measured_in_every_way(whole: RetrievalStudy, case_set: CaseSet) -> None:
    first = whole.sets[0]
    assert (first.library, first.queries, first.persons) == (130, 30, 15)
    assert len(first.ranked) == 6
    assert [one.kind for one in first.covered] == ["fused", "image", "text"]
    assert first.leaks is not None
    assert first.leaks.leaked == ()
    assert first.leaks.queries == 30
    assert {"uniform noise", "captions", "images of labels"} <= {one.name for one in first.refused}
    assert first.left_out == ("image to report and back: the encoder's images and texts share no space",)
    assert missed(whole) == ()


def test_a_set_whose_reports_are_labels_is_asked_by_image_alone(whole: RetrievalStudy) -> None:
    labels = whole.sets[1]
    assert [one.kind for one in labels.covered] == ["image"]
    assert {one.kind for one in labels.refused} == {"image"}
    assert not any("report" in one.name for one in labels.ranked)
    assert any("repeats the labels" in words for words in labels.left_out)


def test_a_small_set_is_all_library_and_its_questions_find_their_cases(whole: RetrievalStudy) -> None:
    small = whole.sets[2]
    assert (small.library, small.queries, small.leaks, small.covered, small.ranked) == (LEAST_DIVIDED - 1, 0, None, (), ())
    assert [one.recall[0].value for one in small.known_items] == [1]
    assert small.known_items[0].recall[0].queries == 5


def test_captions_are_ranked_without_an_index(whole: RetrievalStudy) -> None:
    assert whole.texts is not None
    assert (whole.texts.precision.value or 0) > (whole.texts.random_precision.value or 1)


def test_every_step_tells_how_far_it_is(whole: RetrievalStudy, told: list[tuple[str, int, int | None]]) -> None:
    assert whole.queries == 30
    steps = dict.fromkeys(step for step, _, _ in told)
    assert {f"{name}: library" for name in ("small", "labels")} <= set(steps)
    assert all(count <= total for _, count, total in told if total is not None)


def test_a_shared_space_is_asked_across(case_set: CaseSet, shared_space: Any) -> None:
    few = replace(case_set, cases=case_set.cases[:50])
    (made,) = study([few], None, shared_space(), name="shared", queries=20).sets
    assert [one.name for one in made.known_items] == ["image -> report", "report -> image"]
    assert {one.recall[0].value for one in made.known_items} == {1}


def test_the_study_of_equal_data_is_equal(case_set: CaseSet, encoder: Any) -> None:
    few = replace(case_set, cases=case_set.cases[:70])
    assert study([few], None, encoder, name="hash", queries=20) == study([few], None, encoder, name="hash", queries=20)
