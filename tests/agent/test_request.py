"""What may be asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agent.errors import RequestInvalid
from agent.request import ReviewRequest

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("patient", ["p1", "Patient/p1"])
def test_a_bare_id_is_completed(patient: str) -> None:
    assert ReviewRequest(patient, NOW).patient == "Patient/p1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"patient": ""},
        {"patient": "../../etc/passwd"},
        {"patient": "Group/p1"},
        {"patient": "p1?_id=p2"},
        {"patient": "x" * 65},
        {"as_of": datetime(2026, 1, 1)},  # a naive time is what is refused
        {"study": "a\nb"},
        {"study": ""},
        {"review_id": "../r"},
        {"review_id": ".open-r"},
        {"review_id": ""},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_without_repeating_it(wrong: dict[str, Any]) -> None:
    with pytest.raises(RequestInvalid) as refused:
        ReviewRequest(**{"patient": "p1", "as_of": NOW, **wrong})
    assert "passwd" not in str(refused.value)


@pytest.mark.parametrize("study", ["s1", "ImagingStudy/s1", "1.2.840.113", "urn:oid:1.2.3", "ACC 1234"])
def test_a_study_may_be_named_by_id_uid_or_accession_number(study: str) -> None:
    assert ReviewRequest("p1", NOW, study=study).study == study


def test_two_requests_have_two_ids() -> None:
    assert ReviewRequest("p1", NOW).review_id != ReviewRequest("p1", NOW).review_id


def test_a_request_shows_no_question_and_no_image_when_printed() -> None:
    assert "canary" not in repr(ReviewRequest("p1", NOW, question="canary", images=(b"canary",)))
