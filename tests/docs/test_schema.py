"""The published schema is the code's, and a review follows it."""

from __future__ import annotations

import json
from pathlib import Path

from agent.review import review_schema

PUBLISHED = Path(__file__).parents[2] / "docs" / "review.schema.json"


def test_the_published_schema_is_that_of_the_code() -> None:
    """Write it again with `python -m agent.review > docs/review.schema.json`."""
    assert json.loads(PUBLISHED.read_text("utf-8")) == review_schema()
