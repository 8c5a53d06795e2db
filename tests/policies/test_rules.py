"""The shipped rules: every case of every file, and what must hold of them all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir.chart import Manifest, Pulled
from policies.case import PolicyCase
from policies.engine import decide, load_rules
from policies.rule import Rule
from policies.rule_case import RuleCase, policy_case

RULES = load_rules()
CASES = [(rule, case) for rule in RULES for case in rule.cases]
TYPES = ("AllergyIntolerance", "Condition", "Device", "DiagnosticReport", "ImagingStudy", "MedicationRequest",
         "MedicationStatement", "Observation", "Procedure", "ServiceRequest")  # fmt: skip
LOST: tuple[Pulled, ...] = ("refused", "truncated", "failed")


def test_the_eighteen_rules_are_there() -> None:
    assert [rule.id for rule in RULES] == sorted(
        ["C01", "C02", "C03", "C04", "C08", "C10", "G01", "G02", "P01", "P02", "P04", "M01", "E01", "I01", "I03", "S01", "S05", "D04"]
    )  # fmt: skip


@pytest.mark.parametrize(("rule", "case"), CASES, ids=[f"{rule.id}-{case.name}" for rule, case in CASES])
def test_every_case_answers_as_its_file_says(rule: Rule, case: RuleCase) -> None:
    (outcome,) = decide(policy_case(case.given), (rule,))
    assert outcome.outcome == case.expect, outcome.basis
    assert outcome.basis
    assert bool(outcome.message) is (case.expect != "clear")


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_messages_support_and_do_not_direct(rule: Rule) -> None:
    imperative = r"(?:^|[.;:] )(?:order|give|start|stop|hold|administer|prescribe|cancel|call|do not|avoid|check|obtain|use|perform)\b"
    for message in (rule.message, rule.unknown.message):
        assert not re.search(imperative, message, re.IGNORECASE), message
        assert not re.search(r"\bmust\b|\bshould\b|[{}<>]", message), message


def without(case: PolicyCase, resource_type: str, state: Pulled, kept: int) -> PolicyCase:
    """The case after a pull of `resource_type` ended in `state`: nothing of it came, or of a truncated one the first `kept`."""
    chart = case.chart
    mine = [fact for fact in chart.facts if fact.resource_type == resource_type][: kept if state == "truncated" else 0]
    facts = tuple(fact for fact in chart.facts if fact.resource_type != resource_type or fact in mine)
    states = {**dict(chart.manifest.pulled), resource_type: state}
    return replace(case, chart=replace(chart, facts=facts, manifest=Manifest("server", tuple(sorted(states.items())), len(facts) + 1)))


@pytest.mark.fault(7)
@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from([pair for pair in CASES if pair[1].expect != "clear"]),
    st.sets(st.sampled_from(TYPES), min_size=1, max_size=3),
    st.sampled_from(LOST),
    st.integers(0, 2),
)
def test_losing_a_resource_type_never_turns_a_warning_into_silence(
    pair: tuple[Rule, RuleCase], lost: set[str], state: Pulled, kept: int
) -> None:
    rule, case = pair
    thinner = policy_case(case.given)
    for resource_type in lost:
        thinner = without(thinner, resource_type, state, kept)
    (outcome,) = decide(thinner, (rule,))
    assert outcome.outcome != "clear", (rule.id, case.name, lost, outcome.basis)


@pytest.mark.fault(7)
@pytest.mark.parametrize("state", LOST)
@pytest.mark.parametrize("resource_type", TYPES)
def test_every_single_loss_is_tried_on_every_warning(resource_type: str, state: Pulled) -> None:
    for rule, case in CASES:
        if case.expect != "clear":
            (outcome,) = decide(without(policy_case(case.given), resource_type, state, 0), (rule,))
            assert outcome.outcome != "clear", (rule.id, case.name, outcome.basis)


@pytest.mark.fault(67)
def test_the_same_case_twenty_times_gives_the_same_outcomes() -> None:
    for _, case in CASES:
        given_case = policy_case(case.given)
        first = decide(given_case, RULES)
        assert all(decide(replace(given_case), RULES) == first for _ in range(19))


@pytest.mark.parametrize(("rule", "case"), CASES[::4], ids=[f"{rule.id}-{case.name}" for rule, case in CASES[::4]])
def test_the_order_of_facts_does_not_matter(rule: Rule, case: RuleCase) -> None:
    forward = policy_case(case.given)
    backward = replace(forward, chart=replace(forward.chart, facts=forward.chart.facts[::-1]))
    (one,), (other,) = decide(forward, (rule,)), decide(backward, (rule,))
    assert (one.outcome, set(one.basis)) == (other.outcome, set(other.basis))


@pytest.mark.fault(13)
@pytest.mark.parametrize(
    ("change", "outcome"),
    [({"status": "entered-in-error"}, "clear"), ({"modifierExtension": [{"url": "urn:unknown", "valueBoolean": True}]}, "cannot_tell")],
    ids=["withdrawn", "a modifier of unknown meaning"],
)
def test_a_fact_that_may_not_be_used_fires_nothing_and_one_of_unknown_meaning_rules_nothing_out(
    change: Mapping[str, Any], outcome: str
) -> None:
    (rule,) = (rule for rule in RULES if rule.id == "P02")
    fired = next(case for case in rule.cases if case.expect == "fired").given
    order, count = fired.resources
    given_case = policy_case(fired.model_copy(update={"resources": (order, {**count, **change})}))
    assert decide(given_case, (rule,))[0].outcome == outcome
