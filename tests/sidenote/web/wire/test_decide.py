"""What a decision may say: an edit has a text, a rejection a reason, an approval neither."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sidenote.web.wire.decide import DecisionAsked

SHOWN = "0" * 64


def asked(**fields: Any) -> DecisionAsked:
    return DecisionAsked.model_validate({"claim": "C1", "shown_sha256": SHOWN, **fields})


@pytest.mark.parametrize(
    "fields",
    [{"action": "approve"}, {"action": "edit", "text": "Consider an ultrasound."}, {"action": "reject", "reason": "known since 2020"}],
    ids=lambda fields: fields["action"],
)
def test_a_whole_decision_is_taken_as_it_is(fields: dict[str, str]) -> None:
    assert asked(**fields).model_dump(exclude_none=True) == {"claim": "C1", "shown_sha256": SHOWN, **fields}


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "approve", "text": "other words"},
        {"action": "approve", "reason": "because"},
        {"action": "edit"},
        {"action": "edit", "text": ""},
        {"action": "edit", "text": " \n\u00a0"},
        {"action": "reject", "reason": "   "},
        {"action": "edit", "text": "words", "reason": "because"},
        {"action": "edit", "text": "w" * 4_001},
        {"action": "reject"},
        {"action": "reject", "reason": ""},
        {"action": "reject", "reason": "because", "text": "words"},
        {"action": "sign"},
        {"action": "approve", "claim": "C0"},
        {"action": "approve", "claim": "E1"},
        {"action": "approve", "shown_sha256": "0" * 63},
        {"action": "approve", "shown_sha256": "G" * 64},
        {"action": "approve", "by": "Practitioner/somebody-else"},
    ],
)
def test_half_a_decision_or_more_than_one_is_none(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        asked(**fields)
