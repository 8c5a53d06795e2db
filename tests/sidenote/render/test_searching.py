"""How the library was asked, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from agent.review import Review, Search
from sidenote.render.searching import limit, method

SEARCH = Search(
    comparable=True,
    reason="5 comparable cases",
    searched=2412,
    excluded=(("same person", 2), ("later date", 1100), ("equal report", 0)),
    plan="exact scan over kept rows",
    plan_reason="2,412 rows are few",
    threshold=0.42,
    coverage=0.95,
    only=("modality CR or DX", "body part chest"),
)


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        (
            {},
            (
                "Searched 2,412 cases, of modality CR or DX and body part chest alone.",
                "Left out before: 2 same person, 1,100 later date.",
                "Plan: exact scan over kept rows (2,412 rows are few).",
            ),
        ),
        ({"only": (), "excluded": (), "plan_reason": "", "searched": 1}, ("Searched 1 case.", "Plan: exact scan over kept rows.")),
    ],
)
def test_what_was_searched_what_was_left_out_and_how_is_told(changes: dict[str, Any], sentences: tuple[str, ...]) -> None:
    assert method(SEARCH.model_copy(update=changes)) == sentences


def test_the_limit_is_told_with_what_it_covers_unless_the_library_is_too_small_to_have_one() -> None:
    assert limit(SEARCH) == "A case counts as comparable up to distance 0.42, which covers 95% of held-out cases."
    assert limit(SEARCH.model_copy(update={"threshold": 0.0})) == ""


def test_a_review_from_before_filters_were_told_has_none(review: Review) -> None:
    assert review.search is not None
    assert (review.search.only, review.search.notice) == ((), "")
