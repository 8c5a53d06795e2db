"""Evidence is one row a text, with its quotes, and says by which statements it is cited."""

from __future__ import annotations

import pytest

from agent.graph import Finished
from sandbox.patients.hospital import stories
from sidenote.web.view.evidence import evidence_views


@pytest.mark.parametrize("patient", [story.person.id for story in stories()])
def test_no_item_is_lost_and_no_number_is_given_twice(reviews: dict[str, Finished], patient: str) -> None:
    review = reviews[patient].review
    listed = [identity for row in evidence_views(review) for identity in row.ids]
    assert sorted(listed) == sorted(item.id for item in review.evidence)


def test_what_is_cited_comes_first_and_names_its_statements(reviews: dict[str, Finished]) -> None:
    review = reviews["metformin-egfr35"].review
    rows = evidence_views(review)
    assert [row.cited for row in rows] == sorted((row.cited for row in rows), reverse=True)
    cited_by = {row.ids: row.cited_by for row in rows}
    (egfr,) = [row for row in rows if row.text.startswith("eGFR 35 ")]
    assert cited_by[egfr.ids] == tuple(claim.id for claim in review.claims if egfr.ids[0] in claim.evidence) != ()
    assert (egfr.label, egfr.when[:11], egfr.status, egfr.image) == ("chart", "15 Nov 2026", "final", None)
    assert ("valueQuantity.value", "35") in egfr.quotes


def test_an_image_finding_names_its_image_and_its_place(reviews: dict[str, Finished]) -> None:
    finished = reviews["tension-ptx"]
    (row,) = [row for row in evidence_views(finished.review) if "reads left pneumothorax" in row.text]
    assert row.image == finished.pictures[0].sha256
    assert row.region is not None
    assert row.where == f"image:{row.image[:12]}…"
