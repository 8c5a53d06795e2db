"""The request as it is recorded: whole, repeatable, and without the name of any file."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from agent.nodes.bind import request_blob
from agent.request import ReviewRequest

AS_OF = datetime(2026, 11, 23, 9, tzinfo=UTC)


def blob(**more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(request_blob(ReviewRequest("p", **{"as_of": AS_OF, "review_id": "r1", **more})))
    return fields


def test_records_all_that_was_asked() -> None:
    assert blob() == {
        "review_id": "r1",
        "patient": "Patient/p",
        "as_of": "2026-11-23T09:00:00+00:00",
        "study": None,
        "question": None,
        "images": [],
        "image_model": True,
    }


def test_names_an_image_by_its_hash_or_its_place_and_never_by_its_file() -> None:
    recorded = blob(images=(Path("Lindqvist_Marta.dcm"), b"pixels", Path("other.png")))
    assert recorded["images"] == ["file 1", hashlib.sha256(b"pixels").hexdigest(), "file 3"]
    assert "Lindqvist" not in json.dumps(recorded)


def test_keeps_every_field_of_a_request() -> None:
    assert set(blob()) == set(ReviewRequest.__dataclass_fields__)


@pytest.mark.parametrize(
    "change",
    [
        {"review_id": "r2"},
        {"as_of": AS_OF + timedelta(seconds=1)},
        {"as_of": AS_OF.astimezone(timezone(timedelta(hours=1)))},
        {"study": "s1"},
        {"question": "Why?"},
        {"images": (b"pixels",)},
        {"image_model": False},
    ],
    ids=str,
)
def test_two_requests_that_differ_are_recorded_differently(change: dict[str, Any]) -> None:
    assert blob(**change) != blob()
    assert blob(**change) == blob(**change)
