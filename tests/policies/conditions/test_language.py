"""The language as a whole: parsing, writing, and what is refused with its key."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from policies.conditions import evaluate, leaves, parse_condition, written
from policies.engine import load_rules
from policies.errors import ConditionInvalid
from policies.rule_case import Given, policy_case


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({}, "exactly one key"),
        ({"age": {"below": 1}, "sex": {"is": "male"}}, "exactly one key"),
        ({"weather": {}}, "unknown kind of condition 'weather'"),
        ({"age": 18}, "'age' wants a mapping"),
        ({"all": []}, "of: Tuple should have at least 1 item"),
        ({"all": [{"age": {"below": 18}}, {"planned": {"topic": "tea"}}]}, "1.topic"),
        ({"not": {"condition": {"value_set": "aki", "certain": True}}}, "certain: unknown key"),
        ({"reading": {}}, "needs finding, mode or out_of_distribution"),
        ({"reading": {"finding": "dragon"}}, "unknown finding 'dragon'"),
        ({"study": {}}, "needs modality"),
        ("age", "condition"),
        (None, "condition"),
    ],
)
def test_refuses_and_names_the_key(data: Any, named: str) -> None:
    with pytest.raises(ConditionInvalid) as caught:
        parse_condition(data)
    assert named in str(caught.value)


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.id)
def test_what_is_written_parses_to_the_same_condition(rule: Any) -> None:
    assert parse_condition(written(rule.when)) == rule.when
    assert parse_condition(rule.when.model_dump(mode="json", by_alias=True)) == rule.when
    assert list(leaves(rule.when))


YES, NO, OPEN = {"age": {"below": 18}}, {"age": {"at_least": 18}}, {"sex": {"is": "female"}}


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        (YES, True),
        ({"all": [YES, OPEN]}, None),
        ({"all": [NO, OPEN]}, False),
        ({"any": [NO, OPEN]}, None),
        ({"any": [YES, OPEN]}, True),
        ({"not": OPEN}, None),
        ({"not": {"any": [NO, {"not": YES}]}}, True),
        ({"all": [{"any": [NO, YES]}, {"not": NO}]}, True),
    ],
)
def test_combinators_answer_in_three_values(condition: Any, value: bool | None) -> None:
    case = policy_case(Given(patient={"birthDate": "2017-05-01"}))
    assert evaluate(parse_condition(condition), case).value is value


def test_policies_load_no_network_model_or_gpu_library() -> None:
    code = (
        "import sys; from policies.engine import load_rules, decide; from policies.trial import try_cases; list(try_cases(load_rules()));"
        "print([m for m in ('torch', 'transformers', 'faiss', 'langgraph', 'httpx', 'sentence_transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
