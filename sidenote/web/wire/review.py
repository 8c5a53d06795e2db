"""Another review within a session."""

from __future__ import annotations

from pydantic import Field

from policies.evidence import Frozen


class ReviewAsked(Frozen):
    """Which study of the session's patient is to be reviewed."""

    study: str | None = Field(None, min_length=1, max_length=128)
    """`ImagingStudy/id`, the id, Study Instance UID or accession number; absent for the one that the EHR has open, else the newest."""


class ReviewBegun(Frozen):
    """A review has begun; its events are at /api/reviews/ID/events."""

    review_id: str
