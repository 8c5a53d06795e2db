"""What a training example refuses."""

from __future__ import annotations

import numpy as np
import pytest

from tools.med_vlm.compact.examples.example import TrainingExample, semantic_key
from tools.med_vlm.compact.heads import KEYS
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


def test_the_same_findings_mean_the_same_in_any_order_and_another_side_does_not() -> None:
    assert semantic_key({"nodule": "left", "pacemaker": None}) == semantic_key({"pacemaker": None, "nodule": "left"})
    assert semantic_key({"nodule": "left"}) != semantic_key({"nodule": "right"})


def _partly(number: int, sentences: tuple[str, ...], known: frozenset[str]) -> TrainingExample:
    return TrainingExample(number, np.zeros((4, 4), np.float32), {}, {}, sentences, known=known)


def test_with_unknown_findings_only_equal_reports_mean_the_same() -> None:
    some = frozenset({"nodule"})
    assert _partly(1, ("Clear.",), some).meaning == _partly(2, ("Clear.",), some).meaning
    assert _partly(1, ("Clear.",), some).meaning != _partly(2, ("Normal.",), some).meaning
    assert _partly(1, (), some).meaning != _partly(2, (), some).meaning
    assert _partly(1, ("Clear.",), some).meaning != _partly(2, ("Clear.",), frozenset(KEYS)).meaning
    assert _partly(1, ("Clear.",), frozenset(KEYS)).meaning == _partly(2, ("Normal.",), frozenset(KEYS)).meaning


def test_a_finding_cannot_be_present_and_unknown() -> None:
    with pytest.raises(TrainingDataRefused, match="is known"):
        TrainingExample(1, np.zeros((4, 4), np.float32), {"nodule": None}, {}, (), known=frozenset())
