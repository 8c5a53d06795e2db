"""A rule is whole or it is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from policies.conditions import parse_condition
from policies.rule import Rule, value_sets_of

CASES = tuple({"name": f"a case that is {expect}", "expect": expect, "given": {}} for expect in ("fired", "clear", "cannot_tell"))
AKI = {"condition": {"value_set": "aki"}}
WHOLE: dict[str, Any] = {
    "id": "T01",
    "version": "1.0.0",
    "title": "A rule of the tests",
    "owner": "tests",
    "source": {"title": "a source", "date": "2024", "kind": "K"},
    "review_by": "2027-05-31",
    "value_sets": ("aki",),
    "when": AKI,
    "action": "warn",
    "message": "Acute kidney injury is on the problem list.",
    "unknown": {"action": "annotate", "message": "Whether there is one cannot be told."},
    "cases": CASES,
}


def test_a_whole_rule_is_taken_with_its_defaults() -> None:
    rule = Rule.model_validate(WHOLE)
    assert (rule.scope, rule.rest, rule.applies_to.topics, rule.applies_to.findings) == ("review", None, (), ())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": "T1"}, "id"),
        ({"version": "1.0"}, "version"),
        ({"source": {"title": "a source", "date": "May 2024", "kind": "K"}}, "date"),
        ({"source": {"title": "a source", "date": "2024", "kind": "X"}}, "kind"),
        ({"message": "Too short."}, "message"),
        ({"value_sets": ()}, "value_sets must list what the condition names: aki"),
        ({"value_sets": ("aki", "egfr")}, "value_sets must list what the condition names: aki"),
        ({"cases": CASES[:2]}, "cases"),
        ({"cases": (*CASES[:2], CASES[0])}, "cases must hold one that is cannot_tell"),
        ({"cases": (CASES[1], CASES[2], CASES[1])}, "cases must hold one that is fired"),
        ({"rest": "review"}, "rest needs a scope narrower than the review"),
        ({"applies_to": {"topics": ("tea",)}}, "topics"),
        ({"applies_to": {"findings": ("dragon",)}}, "unknown finding"),
        ({"template": "x"}, "template"),
    ],
)
def test_refuses_a_rule_that_is_not_whole(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Rule.model_validate({**WHOLE, **change})


def test_a_narrower_scope_may_say_what_the_rest_gets() -> None:
    assert Rule.model_validate({**WHOLE, "scope": "image", "rest": "review"}).rest == "review"


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ({"age": {"below": 18}}, ()),
        ({"planned": {"topic": "mri"}}, ("mri",)),
        ({"absent": {"value_set": "pregnancy_status", "except_answer": "unknown_answer"}}, ("pregnancy_status", "unknown_answer")),
        (
            {"coded_observation": {"value_set": "pregnancy_test", "is": "positive", "is_not": "negative"}},
            ("negative", "positive", "pregnancy_test"),
        ),
        ({"report_finding": {"finding": "nodule"}}, ()),
        ({"all": [AKI, {"not": {"any": [{"planned": {"topic": "mri"}}, AKI]}}]}, ("aki", "mri")),
    ],
)
def test_lists_every_value_set_a_condition_names_once_and_sorted(condition: dict[str, Any], named: tuple[str, ...]) -> None:
    assert value_sets_of(parse_condition(condition)) == named
