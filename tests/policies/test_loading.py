"""Loading rules: all or nothing, with the key named."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.errors import RuleDuplicate, RuleInvalid, UnknownRule
from policies.loading import SHIPPED, load_rules, read_rule, rule_named, rules_fingerprint

TEXT = (SHIPPED / "S01.yaml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("version: 1.0.0", "version: one", "version"),
        ("age: {below: 18}", "age: {below: 18, about: 3}", "about: unknown key"),
        ("age: {below: 18}", "years: {below: 18}", "unknown kind of condition 'years'"),
        ("age: {below: 18}", "age: {}", "needs at_least or below"),
        ("action: block", "action: shout", "action"),
        ("value_sets: []", "value_sets: [egfr]", "value_sets must list what the condition names: none"),
        ("owner: sidenote", "owner: sidenote\ntemplate: x", "template: unknown key"),
        ("expect: cannot_tell", "expect: clear", "cases must hold one that is cannot_tell"),
        ("scope: image", "scope: review", "rest needs a scope"),
        ("owner: sidenote", "owner: sidenote\nowner: other", "key 'owner' given twice"),
        ("owner: sidenote", "owner: !!python/object/apply:os.getcwd []", "tags are not allowed"),
    ],
)
def test_refuses_a_bad_rule_and_names_the_key(old: str, new: str, named: str) -> None:
    assert old in TEXT
    with pytest.raises(RuleInvalid, match=r"^S01\.yaml: ") as caught:
        read_rule(TEXT.replace(old, new).encode(), "S01.yaml")
    assert named in str(caught.value)


def test_one_bad_file_refuses_the_whole_folder(tmp_path: Path) -> None:
    (tmp_path / "S01.yaml").write_text(TEXT)
    (tmp_path / "X01.yaml").write_text("id: X01")
    with pytest.raises(RuleInvalid, match=r"X01\.yaml"):
        load_rules(tmp_path)


def test_refuses_two_rules_of_one_id(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(TEXT)
    (tmp_path / "b.yaml").write_text(TEXT)
    with pytest.raises(RuleDuplicate, match="S01"):
        load_rules(tmp_path)


def test_refuses_a_folder_without_rules(tmp_path: Path) -> None:
    with pytest.raises(RuleInvalid, match="no rule files"):
        load_rules(tmp_path)


def test_the_fingerprint_follows_what_the_rules_say_and_not_their_order() -> None:
    rules = load_rules()
    changed = read_rule(TEXT.replace("below: 18", "below: 16").encode(), "S01.yaml")
    others = tuple(rule for rule in rules if rule.id != "S01")
    assert rules_fingerprint(rules) == rules_fingerprint(rules[::-1])
    assert rules_fingerprint((*others, changed)) != rules_fingerprint(rules)
    assert rules_fingerprint(others) != rules_fingerprint(rules)


def test_an_unknown_rule_is_named_with_the_known_ones() -> None:
    assert rule_named(load_rules(), "c01").id == "C01"
    with pytest.raises(UnknownRule, match=r"no rule Z99; known: C01"):
        rule_named(load_rules(), "z99")
