"""Sealing: a review goes into its own record, and into no other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.nodes.record import seal
from agent.record import begin, indexed
from agent.verify import verify

if TYPE_CHECKING:
    from tests.agent.conftest import Clinic


def test_the_head_it_returns_is_the_one_in_the_index(clinic: Clinic, tmp_path: Path) -> None:
    review = clinic.review(clinic.ask("ckd4-contrast")).review
    flight = begin(tmp_path / "again", review.review_id)
    flight.step("bind", inputs={"request": b"asked"})
    head = seal(flight, review)
    assert indexed(tmp_path / "again") == {review.review_id: head}
    assert verify(tmp_path / "again", review.review_id).whole


def test_a_review_is_never_sealed_into_another_reviews_record(clinic: Clinic, tmp_path: Path) -> None:
    review = clinic.review(clinic.ask("ckd4-contrast")).review
    flight = begin(tmp_path / "again", "another")
    with pytest.raises(AssertionError, match="its own record"):
        seal(flight, review)
    assert indexed(tmp_path / "again") == {}
    flight.abandon()
