"""Opposite statements of a reading and a report are raised; doubt, silence and another side's denial are none."""

from __future__ import annotations

import pytest

from fhir.codes import Side
from tools.med_vlm.compared.contradiction import Contradiction, contradictions
from tools.med_vlm.reading import FindingReading, Presence, Reading, Sentence


def reading(presence: Presence = "uncertain", side: Side | None = None, *texts: str, key: str = "pleural_effusion") -> Reading:
    finding = FindingReading(key=key, presence=presence, probability=0.5, side=side)
    narrative = tuple(Sentence(text=text) for text in texts)
    return Reading(model="m", fingerprint="0" * 64, abstained=False, reason="", findings=(finding,), narrative=narrative)


@pytest.mark.parametrize(
    ("read", "report", "raised"),
    [
        (reading("present"), "No pleural effusion.", True),
        (reading("absent"), "Small left pleural effusion.", True),
        (reading("present", "left"), "Right pleural effusion.", True),
        (reading("present", "bilateral"), "Right pleural effusion.", True),
        (reading("present", "left"), "No left pleural effusion.", True),
        (reading("present", "left"), "The lungs are clear. No effusion or pneumothorax.", True),
        (reading("present", "left"), "Left pleural effusion.", False),
        (reading("present", "left"), "Bilateral pleural effusions.", False),
        (reading("present", "left"), "Right pleural effusion. Left pleural effusion.", False),
        (reading("present", "bilateral"), "Right pleural effusion. Left pleural effusion.", False),
        (reading("present", "left"), "No right pleural effusion.", False),
        (reading("present"), "No right pleural effusion.", False),
        (reading("present"), "Possible pleural effusion.", False),
        (reading("uncertain"), "No pleural effusion.", False),
        (reading("present"), "The heart is normal.", False),
        (reading("present"), "Indication: no pleural effusion.", False),
        (reading("absent"), "No pleural effusion.", False),
        (reading("uncertain", None, "There is a left pleural effusion."), "No pleural effusion.", True),
        (reading("uncertain", None, "No pleural effusion."), "Left pleural effusion.", True),
        (reading("absent", None, "There is a left pleural effusion."), "No pleural effusion.", False),
        (reading("absent", key="pneumothorax"), "Left tension pneumothorax.", True),
    ],
)
def test_opposite_statements_are_raised(read: Reading, report: str, raised: bool) -> None:
    assert bool(contradictions(read, report)) is raised


def test_both_sides_are_given_in_their_own_words_once_for_each_finding() -> None:
    read = reading("uncertain", None, "There is a left effusion.", "Effusion is seen.", "There is cardiomegaly.")
    assert contradictions(read, "FINDINGS: The heart size is normal.\nNo pleural effusion. No effusion.") == (
        Contradiction("pleural_effusion", "No pleural effusion.", "There is a left effusion.", "absent", "present"),
        Contradiction("cardiomegaly", "The heart size is normal.", "There is cardiomegaly.", "absent", "present"),
    )


def test_a_decided_finding_speaks_in_words() -> None:
    (raised,) = contradictions(reading("present", "left"), "Right pleural effusion.")
    assert raised.model == "left pleural effusion: present"
    assert (raised.report_polarity, raised.model_polarity) == ("present", "present")


def test_an_abstention_contradicts_nothing() -> None:
    abstained = Reading(model="m", fingerprint="0" * 64, abstained=True, reason="no image")
    assert contradictions(abstained, "No pleural effusion.") == ()
