"""What is proposed or on order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest

from fhir.value_sets import VALUE_SETS
from policies.claim import Claim
from policies.conditions import Answer
from policies.conditions.planned import TOPICS, Topic

Ask = Callable[..., Answer]
CONTRAST = {"planned": {"topic": "iv_iodinated_contrast"}}
ORDER = {"resourceType": "ServiceRequest", "status": "active", "code": {"text": "CT chest with contrast"}}


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({}, True),
        ({"status": "draft"}, True),
        ({"status": "on-hold"}, True),
        ({"status": "completed"}, False),
        ({"status": "revoked"}, False),
        ({"status": "entered-in-error"}, False),
        ({"status": "unknown"}, None),
        ({"status": None}, None),
        ({"doNotPerform": True}, False),
        ({"authoredOn": "2026-12-01"}, False),
        ({"authoredOn": "soon"}, True),
        ({"occurrenceDateTime": "2026-12-01"}, True),
        ({"code": {"text": "CT chest without contrast"}}, False),
        ({"code": {"text": "CT chest"}, "orderDetail": [{"text": "IV contrast"}]}, True),
    ],
)
def test_an_open_order_is_a_plan(ask: Ask, change: dict[str, Any], value: bool | None) -> None:
    assert ask(CONTRAST, {**ORDER, **change}).value is value


@pytest.mark.fault(7)
@pytest.mark.parametrize(("topic", "value"), [("iv_iodinated_contrast", True), ("mri", None)])
def test_a_truncated_pull_leaves_open_what_it_did_not_bring(ask: Ask, topic: str, value: bool | None) -> None:
    assert ask({"planned": {"topic": topic}}, ORDER, pulled={"ServiceRequest": "truncated"}).value is value


@pytest.mark.parametrize(("topic", "value"), [("mri", True), ("image_guided_biopsy", False), (None, False)])
def test_a_claim_of_the_topic_is_a_plan(ask: Ask, topic: str | None, value: bool) -> None:
    claim = Claim(id="C1", text="t", kind="recommendation", evidence=("E1",), topic=topic)
    answer = ask({"planned": {"topic": "mri"}}, claims=(claim,))
    assert answer.value is value
    assert (answer.basis[0].reference == "claim:C1") is value


def test_every_topic_is_a_value_set_of_orders() -> None:
    assert get_args(Topic) == TOPICS
    assert set(TOPICS) <= set(VALUE_SETS)
