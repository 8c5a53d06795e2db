"""Trying rules and comparing two sets."""

from __future__ import annotations

from policies.engine import load_rules
from policies.loading import SHIPPED, read_rule
from policies.rule import Rule
from policies.rule_case import Given, policy_case
from policies.trial import RuleChange, carried_cases, compare_on, compare_rules, try_cases

RULES = load_rules()
S01 = (SHIPPED / "S01.yaml").read_text()


def changed(old: str, new: str) -> tuple[Rule, ...]:
    assert old in S01
    other = read_rule(S01.replace(old, new).encode(), "S01.yaml")
    return tuple(other if rule.id == "S01" else rule for rule in RULES)


def test_every_case_of_the_shipped_rules_passes() -> None:
    tried = tuple(try_cases(RULES))
    assert len(tried) >= 18 * 3
    assert [case.name for case in tried if not case.passed] == []


def test_a_wrong_threshold_fails_a_case_and_names_it() -> None:
    failed = [case for case in try_cases(changed("below: 18", "below: 17")) if not case.passed]
    assert ("S01", "the day before the eighteenth birthday", "fired", "clear") in [(c.rule, c.name, c.expected, c.got) for c in failed]


def test_names_what_changed_was_added_and_removed() -> None:
    without = tuple(rule for rule in RULES if rule.id != "C10")
    assert compare_rules(RULES, RULES) == ()
    assert compare_rules(RULES, without) == (RuleChange("C10", "removed"),)
    assert compare_rules(without, RULES) == (RuleChange("C10", "added"),)
    assert compare_rules(RULES, changed("below: 18", "below: 16")) == (RuleChange("S01", "changed", ("when",)),)
    assert compare_rules(RULES, changed("a child of nine", "a child of 9 years")) == ()


def test_says_which_outcomes_change_and_how() -> None:
    case = policy_case(Given(patient={"birthDate": "2009-06-01"}))
    (change,) = compare_on("Patient/p", case, RULES, changed("below: 18", "below: 16"))
    assert (change.rule, change.before, change.after) == ("S01", "fired → block (image)", "clear")
    (removed,) = compare_on("Patient/p", case, RULES, tuple(rule for rule in RULES if rule.id != "S01"))
    assert (removed.rule, removed.after) == ("S01", None)


def test_carried_cases_hold_each_case_once() -> None:
    names = [name for name, _ in carried_cases(RULES, RULES)]
    assert len(names) == len(set(names)) == sum(len(rule.cases) for rule in RULES)
