"""Readings in sentences."""

from __future__ import annotations

from tools.med_vlm.compact.narrative import narrative
from tools.med_vlm.reading import FindingReading


def test_says_what_is_present_uncertain_and_absent_in_this_order() -> None:
    said = narrative(
        (
            FindingReading(key="pleural_effusion", presence="present", probability=0.934, side="left"),
            FindingReading(key="pneumothorax", presence="absent", probability=0.01),
            FindingReading(key="consolidation", presence="present", probability=0.97, side="bilateral"),
            FindingReading(key="nodule", presence="uncertain", probability=0.4),
            FindingReading(key="atelectasis", presence="absent", probability=0.02),
        )
    )
    assert said == (
        "The image shows bilateral consolidation (probability 0.97).",
        "The image shows a left-sided pleural effusion (probability 0.93).",
        "The model cannot tell whether there is a pulmonary nodule.",
        "No pneumothorax or atelectasis is seen.",
    )


def test_nothing_read_gives_nothing_said() -> None:
    assert narrative(()) == ()


def test_a_finding_without_a_side_is_named_without_one() -> None:
    said = narrative((FindingReading(key="pacemaker", presence="present", probability=1.0),))
    assert said == ("The image shows a cardiac pacemaker (probability 1.00).",)
