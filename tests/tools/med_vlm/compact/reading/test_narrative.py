"""Readings in sentences."""

from __future__ import annotations

from tools.med_vlm.compact.reading.narrative import narrative
from tools.med_vlm.reading import FindingReading, Sentence


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
    assert tuple(one.text for one in said) == (
        "The image shows bilateral consolidation (probability 0.97).",
        "The image shows a left-sided pleural effusion (probability 0.93).",
        "The model cannot tell whether there is a pulmonary nodule.",
        "No pneumothorax or atelectasis is seen.",
    )


def test_nothing_read_gives_nothing_said() -> None:
    assert narrative(()) == ()


def test_a_finding_without_a_side_is_named_without_one() -> None:
    said = narrative((FindingReading(key="pacemaker", presence="present", probability=1.0),))
    assert tuple(one.text for one in said) == ("The image shows a cardiac pacemaker (probability 1.00).",)


def test_a_drafted_sentence_stands_for_the_findings_it_speaks_of() -> None:
    drafted = (
        Sentence(text="Cardiomegaly.", findings=("cardiomegaly",), source="phantom-000010#283-296"),
        Sentence(text="No pneumothorax.", findings=("pneumothorax",), source="phantom-000029#179-195"),
    )
    findings = (
        FindingReading(key="cardiomegaly", presence="present", probability=0.98),
        FindingReading(key="pacemaker", presence="present", probability=0.97),
        FindingReading(key="pneumothorax", presence="absent", probability=0.01),
        FindingReading(key="nodule", presence="absent", probability=0.01),
    )
    said = [(one.text, one.source is not None) for one in narrative(findings, drafted)]
    assert said == [
        ("Cardiomegaly.", True),
        ("The image shows a cardiac pacemaker (probability 0.97).", False),
        ("No pneumothorax.", True),
        ("No pulmonary nodule is seen.", False),
    ]
