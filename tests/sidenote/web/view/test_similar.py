"""Similar cases: how many are comparable, or in words why none is."""

from __future__ import annotations

from agent.graph import Finished
from sidenote.web.view.similar import similar_view


def test_cases_are_numbered_by_distance_and_say_what_they_share(reviews: dict[str, Finished]) -> None:
    review = reviews["heart-failure"].review
    view = similar_view(review)
    assert view is not None
    assert view.comparable
    assert view.words == f"{len(review.similar_cases)} of 160 comparable"
    assert [case.number for case in view.cases] == list(range(1, len(view.cases) + 1))
    assert [case.distance for case in view.cases] == sorted(case.distance for case in view.cases)
    first = view.cases[0]
    assert "right pleural effusion" in first.findings
    assert (bool(first.shared), bool(first.thumbnail_png), first.licence != "") == (True, True, True)


def test_a_case_points_at_the_evidence_that_tells_of_it(reviews: dict[str, Finished]) -> None:
    review = reviews["heart-failure"].review
    view = similar_view(review)
    assert view is not None
    told = {item.id: item.reference for item in review.evidence}
    assert [told[case.evidence[0]] for case in view.cases] == [f"case:{case.key}" for case in review.similar_cases]


def test_no_comparable_case_is_said_in_the_library_s_words(reviews: dict[str, Finished]) -> None:
    review = reviews["heart-failure"].review
    assert review.search is not None
    none = review.search.model_copy(update={"comparable": False, "reason": "nothing is near enough"})
    view = similar_view(review.model_copy(update={"search": none, "similar_cases": ()}))
    assert view is not None
    assert (view.comparable, view.words, view.cases) == (False, "nothing is near enough", ())


def test_where_nothing_was_asked_or_all_is_withheld_there_is_no_part(reviews: dict[str, Finished]) -> None:
    review = reviews["heart-failure"].review
    assert similar_view(review.model_copy(update={"search": None})) is None
    assert similar_view(review.model_copy(update={"status": "withheld"})) is None
