"""Whether part of the record was not available."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from policies.conditions import Answer, parse_condition
from policies.errors import ConditionInvalid

Ask = Callable[..., Answer]


@pytest.mark.fault(7)
@pytest.mark.parametrize(
    ("names", "pulled", "value", "details"),
    [
        (["Condition"], {}, False, ["every resource type the rule names was pulled whole"]),
        (["Condition"], {"Condition": "refused"}, True, ["Condition: refused"]),
        (["Condition"], {"Encounter": "failed"}, True, ["Encounter: failed"]),
        (["Condition"], {"Encounter": "not asked"}, False, ["every resource type the rule names was pulled whole"]),
        (["Consent"], {}, None, ["Consent: not asked"]),
        (["Consent", "Condition"], {"Condition": "truncated"}, True, ["Condition: truncated"]),
        (["Condition", "Device"], {"Condition": "failed", "Device": "refused"}, True, ["Condition: failed", "Device: refused"]),
    ],
)
def test_a_lost_pull_is_a_yes_and_one_never_asked_for_is_open(
    *, ask: Ask, names: list[str], pulled: dict[str, str], value: bool | None, details: list[str]
) -> None:
    answer = ask({"manifest": {"incomplete": names}}, pulled=pulled)
    assert answer.value is value
    assert [basis.detail for basis in answer.basis] == details


def test_refuses_to_ask_about_nothing() -> None:
    with pytest.raises(ConditionInvalid, match="incomplete"):
        parse_condition({"manifest": {"incomplete": []}})
