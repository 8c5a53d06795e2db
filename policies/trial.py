"""Trying rules: on the cases they carry, and two sets of rules against each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from policies.case import PolicyCase
from policies.engine import decide
from policies.loading import rule_fingerprint
from policies.outcome import Basis, Fired, PolicyOutcome
from policies.rule import Rule
from policies.rule_case import policy_case

Change = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Tried:
    """One case of a rule, tried."""

    rule: str
    name: str
    expected: Fired
    got: Fired
    basis: tuple[Basis, ...]

    @property
    def passed(self) -> bool:
        """Whether the rule answered as its case says."""
        return self.expected == self.got


def try_cases(rules: Iterable[Rule]) -> Iterator[Tried]:
    """Every case of every rule, in order."""
    for rule in rules:
        for case in rule.cases:
            (outcome,) = decide(policy_case(case.given), (rule,))
            yield Tried(rule.id, case.name, case.expect, outcome.outcome, outcome.basis)


@dataclass(frozen=True, slots=True)
class RuleChange:
    """How one rule differs between two sets. `keys` are the keys of the rule file that differ."""

    rule: str
    change: Change
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutcomeChange:
    """What two sets of rules answer differently on one case. None: the set has no such rule."""

    case: str
    rule: str
    before: str | None
    after: str | None


def compare_rules(old: Iterable[Rule], new: Iterable[Rule]) -> tuple[RuleChange, ...]:
    """Which rules were added, removed or changed, in id order. Cases are left out of the comparison."""
    before, after = ({rule.id: rule for rule in rules} for rules in (old, new))
    return tuple(change for rule_id in sorted({*before, *after}) if (change := _change(rule_id, before.get(rule_id), after.get(rule_id))))


def _change(rule_id: str, before: Rule | None, after: Rule | None) -> RuleChange | None:
    if before is None or after is None:
        return RuleChange(rule_id, "added" if before is None else "removed")
    if rule_fingerprint(before) == rule_fingerprint(after):
        return None
    one, other = before.model_dump(mode="json"), after.model_dump(mode="json")
    return RuleChange(rule_id, "changed", tuple(key for key in one if key != "cases" and one[key] != other[key]))


def compare_outcomes(name: str, old: Iterable[PolicyOutcome], new: Iterable[PolicyOutcome]) -> Iterator[OutcomeChange]:
    """Where the outcomes of one case differ in answer, action or scope. A rule that is not there says nothing, like a clear one."""
    before, after = ({outcome.id: _said(outcome) for outcome in outcomes} for outcomes in (old, new))
    for rule_id in sorted({*before, *after}):
        if before.get(rule_id, "clear") != after.get(rule_id, "clear"):
            yield OutcomeChange(name, rule_id, before.get(rule_id), after.get(rule_id))


def compare_on(name: str, case: PolicyCase, old: tuple[Rule, ...], new: tuple[Rule, ...]) -> Iterator[OutcomeChange]:
    """What the two sets of rules answer differently on `case`."""
    yield from compare_outcomes(name, decide(case, old), decide(case, new))


def carried_cases(old: tuple[Rule, ...], new: tuple[Rule, ...]) -> Iterator[tuple[str, PolicyCase]]:
    """The cases the rules of both sets carry, each once, under `RULE: name of the case`."""
    seen = {f"{rule.id}: {case.name}": case for rule in (*old, *new) for case in rule.cases}
    for name, case in seen.items():
        yield name, policy_case(case.given)


def _said(outcome: PolicyOutcome) -> str:
    if outcome.outcome == "clear":
        return "clear"
    return f"{outcome.outcome} → {outcome.action}" + ("" if outcome.scope == "review" else f" ({outcome.scope})")
