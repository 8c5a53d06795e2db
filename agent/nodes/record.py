"""record: the flight record is sealed. Until it is, no review is handed out."""

from __future__ import annotations

from agent.record import Flight
from agent.review import Review


def seal(flight: Flight, review: Review) -> str:
    """Seal the record of `review` and return the head of its chain."""
    if flight.review_id != review.review_id:
        raise AssertionError("a review is recorded in its own record")
    return flight.seal()
