"""What a training example refuses."""

from __future__ import annotations

import numpy as np
import pytest

from fhir.codes import FINDINGS
from tools.med_vlm.compact.example import KEYS, TrainingExample, semantic_key
from tools.med_vlm.errors import TrainingDataRefused

IMAGE = np.zeros((64, 64), np.float32)
MASK = np.zeros((8, 8), np.bool_)


@pytest.mark.parametrize(
    "change",
    [
        {"labels": {"fracture": None}},
        {"masks": {"fracture": MASK}},
        {"masks": {"nodule": MASK[None]}},
        {"image": IMAGE[None]},
        {"view": "OBLIQUE"},
    ],
)
def test_refuses_what_cannot_train(change: dict[str, object]) -> None:
    good: dict[str, object] = {
        "number": 1,
        "image": IMAGE,
        "labels": {"nodule": "left"},
        "masks": {"nodule": MASK},
        "sentences": ("A nodule.",),
    }
    TrainingExample(**good)  # type: ignore[arg-type]  # the table mixes types
    with pytest.raises(TrainingDataRefused):
        TrainingExample(**{**good, **change})  # type: ignore[arg-type]  # the table mixes types


def test_heads_are_the_vocabulary_in_its_order() -> None:
    assert tuple(finding.key for finding in FINDINGS) == KEYS


def test_the_same_findings_mean_the_same_in_any_order_and_another_side_does_not() -> None:
    assert semantic_key({"nodule": "left", "pacemaker": None}) == semantic_key({"pacemaker": None, "nodule": "left"})
    assert semantic_key({"nodule": "left"}) != semantic_key({"nodule": "right"})
