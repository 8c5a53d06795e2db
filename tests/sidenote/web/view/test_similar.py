"""Similar cases: how many are comparable, or in words why none is."""

from __future__ import annotations

from agent.graph import Finished
from sidenote.web.view.similar import similar_view


def test_cases_are_numbered_by_distance_and_say_what_they_share(reviews: dict[str, Finished]) -> None:
    review = reviews["heart-failure"].review
    view = similar_view(review)
    assert view is not None
    assert view.comparable
    assert view.words == f"{len(review.similar_cases)} of 60 comparable"
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
    none = review.search.model_copy(update={"comparable": False, "reason": "nothing is near enough", "notice": "an older index answers"})
    view = similar_view(review.model_copy(update={"search": none, "similar_cases": ()}))
    assert view is not None
    assert (view.comparable, view.words, view.cases) == (False, "nothing is near enough", ())
    assert view.notice == "an older index answers"


def test_how_it_was_searched_is_told_with_the_filter_and_the_coverage(reviews: dict[str, Finished]) -> None:
    view = similar_view(reviews["heart-failure"].review)
    assert view is not None
    assert "95% of held-out cases" in view.detail
    assert view.method[0] == "Searched 60 cases, of modality CR or DR or DX or RG and body part chest alone."
    assert view.method[-1].startswith("Plan: ")


def test_findings_beyond_the_vocabulary_have_words_with_side_and_place(reviews: dict[str, Finished]) -> None:
    review = reviews["heart-failure"].review
    case = review.similar_cases[0].model_copy(update={"findings": (("surgical_clips", "left"),), "stated": ("left surgical clips (apex)",)})
    for changes, words in (({}, "left surgical clips (apex)"), ({"stated": ()}, "left surgical clips")):
        view = similar_view(review.model_copy(update={"similar_cases": (case.model_copy(update=changes),)}))
        assert view is not None
        assert view.cases[0].findings == (words,)


def test_where_nothing_was_asked_or_all_is_withheld_there_is_no_part(reviews: dict[str, Finished]) -> None:
    review = reviews["heart-failure"].review
    assert similar_view(review.model_copy(update={"search": None})) is None
    assert similar_view(review.model_copy(update={"status": "withheld"})) is None
