"""Rules from a folder of YAML files: all of them or none."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path

from pydantic import ValidationError

from policies.conditions.language import explained
from policies.errors import RuleDuplicate, RuleInvalid, UnknownRule
from policies.rule import Rule
from policies.yamltext import read_yaml

SHIPPED = Path(__file__).parent / "rules"
"""The rules that come with the product."""


def load_rules(folder: Path | None = None) -> tuple[Rule, ...]:
    """The rules of `folder` (default: the shipped ones), in id order.

    Raises:
        RuleInvalid: a file is not a rule, the folder holds none, or an id stands twice; the message names file and key.
    """
    chosen = SHIPPED if folder is None else folder
    files = sorted(chosen.glob("*.yaml"))
    if not files:
        raise RuleInvalid(f"no rule files (*.yaml) in {chosen.name}")
    rules = sorted((read_rule(file.read_bytes(), file.name) for file in files), key=lambda rule: rule.id)
    for one, other in pairwise(rules):
        if one.id == other.id:
            raise RuleDuplicate(f"rule {one.id} stands in two files")
    return tuple(rules)


def read_rule(text: bytes, name: str) -> Rule:
    """One rule from the text of its file.

    Raises:
        RuleInvalid: it is not a rule; the message names the key.
    """
    data = read_yaml(text, name)
    try:
        return Rule.model_validate(data)
    except ValidationError as error:
        raise RuleInvalid(f"{name}: {explained(error)}") from error


def rule_named(rules: tuple[Rule, ...], rule_id: str) -> Rule:
    """The rule of this id.

    Raises:
        UnknownRule: there is none.
    """
    for rule in rules:
        if rule.id == rule_id.upper():
            return rule
    raise UnknownRule(f"no rule {rule_id.upper()[:8]}; known: {', '.join(rule.id for rule in rules)}")


def rule_fingerprint(rule: Rule) -> str:
    """SHA-256 over what a rule says, its cases left out: it changes when the rule could answer or read differently."""
    said = rule.model_dump(mode="json", by_alias=True, exclude={"cases"})
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def rules_fingerprint(rules: tuple[Rule, ...]) -> str:
    """SHA-256 over a set of rules, whatever their order."""
    lines = sorted(f"{rule.id} {rule_fingerprint(rule)}" for rule in rules)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
