"""A rule as data: when it fires, what it does then, what it does when it cannot tell, where it comes from, its cases."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from policies.conditions import Condition, leaves
from policies.conditions.planned import Planned, Topic
from policies.conditions.reading import FindingKey
from policies.evidence import Frozen
from policies.outcome import Action, Scope
from policies.rule_case import RuleCase

_NAMING = ("value_set", "answer_in", "answer_not_in", "except_answer")
Kind = Literal["S", "K"]


class RuleSource(Frozen):
    """Where a rule comes from. `kind` S: read in a public source; K: domain knowledge, to be confirmed."""

    title: str = Field(min_length=4)
    date: str = Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")
    kind: Kind
    quote_page: str | None = None


class Unknown(Frozen):
    """What the rule does, and says, when it cannot tell."""

    action: Action
    message: str = Field(min_length=20)


class AppliesTo(Frozen):
    """Which claims a rule concerns, when it concerns any in particular."""

    topics: tuple[Topic, ...] = ()
    findings: tuple[FindingKey, ...] = ()


class Rule(Frozen):
    """One policy. Loaded whole or not at all."""

    id: str = Field(pattern=r"^[A-Z]\d{2}$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    title: str = Field(min_length=8)
    owner: str = Field(min_length=2)
    source: RuleSource
    review_by: date
    value_sets: tuple[str, ...]
    """Every value set the condition names, sorted: what a site has to check against its terminology server."""
    when: Condition
    action: Action
    scope: Scope = "review"
    rest: Action | None = None
    message: str = Field(min_length=20)
    unknown: Unknown
    applies_to: AppliesTo = AppliesTo()
    cases: tuple[RuleCase, ...] = Field(min_length=3)

    @model_validator(mode="after")
    def _is_whole(self) -> Rule:
        used = value_sets_of(self.when)
        if self.value_sets != used:
            raise ValueError(f"value_sets must list what the condition names: {', '.join(used) or 'none'}")
        missing = {"fired", "clear", "cannot_tell"} - {case.expect for case in self.cases}
        if missing:
            raise ValueError(f"cases must hold one that is {sorted(missing)[0]}")
        if self.scope == "review" and self.rest is not None:
            raise ValueError("rest needs a scope narrower than the review")
        return self


def value_sets_of(condition: Condition) -> tuple[str, ...]:
    """The value sets a condition names, orders' topics among them, sorted."""
    named: set[str] = set()
    for leaf in leaves(condition):
        named.update(value for key in _NAMING if isinstance(value := getattr(leaf, key, None), str))
        if isinstance(leaf, Planned):
            named.add(leaf.topic)
    return tuple(sorted(named))
