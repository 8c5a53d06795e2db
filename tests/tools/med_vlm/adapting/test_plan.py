"""A plan says what makes a training this one."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tools.med_vlm.adapting.contrastive.alignment import ContrastivePlan
from tools.med_vlm.adapting.plan import Plan
from tools.med_vlm.errors import TrainingDataRefused


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch": 0},
        {"peak": 0.0},
        {"peak": 1.0},
        {"decay": -0.1},
        {"warm_up": 1.0},
        {"clip": 0.0},
        {"held_out": 1.0},
        {"held_out": 0.6, "calibration": 0.4},
        {"save_every": 0},
    ],
)
def test_what_cannot_be_a_training_is_refused_by_its_name(wrong: dict[str, float]) -> None:
    with pytest.raises(TrainingDataRefused, match=list(wrong)[-1]):
        Plan(**wrong)  # type: ignore[arg-type]  # fields by name


def test_what_is_told_is_json_and_leaves_out_how_and_where() -> None:
    told = ContrastivePlan(base="somewhere", consents=("broad",)).told()
    assert json.loads(json.dumps(told)) == told
    assert {"base", "device", "save_every"}.isdisjoint(told)
    assert told["consents"] == ["broad"]


@pytest.mark.parametrize("field", ["epochs", "batch", "seed", "held_out", "noncommercial", "loss", "freeze"])
def test_a_field_that_changes_the_model_is_told(field: str) -> None:
    plan = ContrastivePlan(base="x")
    changed = {"loss": "sigmoid", "freeze": "text", "held_out": 0.5}.get(field) or getattr(plan, field) + 1
    assert dataclasses.replace(plan, **{field: changed}).told() != plan.told()
