"""The language as a whole: parsing, writing, and what is refused with its key."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
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


CONTRAST_CT = {"resourceType": "ServiceRequest", "status": "active", "code": {"text": "CT chest with contrast"}}


@pytest.mark.parametrize(
    ("condition", "resources", "pulled", "value"),
    [
        ({"planned": {"topic": "iv_iodinated_contrast"}}, [CONTRAST_CT], {}, True),
        ({"planned": {"topic": "iv_iodinated_contrast"}}, [{**CONTRAST_CT, "status": "completed"}], {}, False),
        ({"planned": {"topic": "iv_iodinated_contrast"}}, [{**CONTRAST_CT, "status": "unknown"}], {}, None),
        ({"planned": {"topic": "iv_iodinated_contrast"}}, [{**CONTRAST_CT, "doNotPerform": True}], {}, False),
        ({"planned": {"topic": "iv_iodinated_contrast"}}, [{**CONTRAST_CT, "authoredOn": "2026-12-01"}], {}, False),
        ({"planned": {"topic": "iv_iodinated_contrast"}}, [{**CONTRAST_CT, "occurrenceDateTime": "2026-12-01"}], {}, True),
        ({"planned": {"topic": "iv_iodinated_contrast"}}, [CONTRAST_CT], {"ServiceRequest": "truncated"}, True),
        ({"planned": {"topic": "mri"}}, [CONTRAST_CT], {"ServiceRequest": "truncated"}, None),
        ({"condition": {"value_set": "aki"}}, [{"resourceType": "Condition", "code": {"text": "AKI"}}], {}, None),
        (
            {"condition": {"value_set": "aki"}},
            [
                {
                    "resourceType": "Condition",
                    "code": {"text": "AKI"},
                    "clinicalStatus": {"coding": [{"code": "active"}]},
                    "verificationStatus": {"coding": [{"code": "provisional"}]},
                }
            ],
            {},
            None,
        ),
        (
            {"condition": {"value_set": "aki", "suspected": True}},
            [
                {
                    "resourceType": "Condition",
                    "code": {"text": "AKI"},
                    "clinicalStatus": {"coding": [{"code": "active"}]},
                    "verificationStatus": {"coding": [{"code": "provisional"}]},
                }
            ],
            {},
            True,
        ),
        ({"active_medication": {"value_set": "metformin"}}, [], {"MedicationStatement": "refused"}, None),
        ({"active_medication": {"value_set": "metformin"}}, [], {"MedicationStatement": "not asked"}, False),
        (
            {"active_medication": {"value_set": "metformin"}},
            [
                {"resourceType": "Medication", "id": "m", "code": {"text": "Metformin"}},
                {
                    "resourceType": "MedicationRequest",
                    "status": "active",
                    "medicationReference": {"reference": "https://ehr/fhir/Medication/m"},
                },
            ],
            {},
            True,
        ),
        ({"absent": {"value_set": "inr", "within_days": 30}}, [], {}, True),
        ({"absent": {"value_set": "inr", "within_days": 30}}, [], {"Observation": "truncated"}, None),
        ({"manifest": {"incomplete": ["Condition"]}}, [], {"Encounter": "failed"}, True),
        ({"manifest": {"incomplete": ["Consent"]}}, [], {}, None),
    ],
)
def test_kinds_answer_in_three_values(condition: Any, resources: list[Any], pulled: Mapping[str, Any], value: bool | None) -> None:
    case = policy_case(Given(resources=tuple(resources), pulled=dict(pulled)))
    assert evaluate(parse_condition(condition), case).value is value


def test_policies_load_no_network_model_or_gpu_library() -> None:
    code = (
        "import sys; from policies.engine import load_rules, decide; from policies.trial import try_cases; list(try_cases(load_rules()));"
        "print([m for m in ('torch', 'transformers', 'faiss', 'langgraph', 'httpx', 'sentence_transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
