"""Which of a model's sentences a calibrated reading keeps."""

from __future__ import annotations

import pytest

from tools.med_vlm.reading import Presence, Sentence
from tools.med_vlm.trust.agreement import agreeing

EFFUSION = "pleural_effusion"


@pytest.mark.parametrize(
    ("text", "presence", "kept"),
    [
        ("There is a left pleural effusion.", "present", True),
        ("There is a left pleural effusion.", "absent", False),
        ("There is a left pleural effusion.", "uncertain", False),
        ("No pleural effusion.", "absent", True),
        ("No pleural effusion.", "present", False),
        ("No pleural effusion.", "uncertain", False),
        ("A small pleural effusion is possible.", "uncertain", True),
        ("A small pleural effusion is possible.", "present", True),
        ("A small pleural effusion is possible.", "absent", False),
        ("Fluid here.", "present", True),
        ("Fluid here.", "absent", False),
    ],
)
def test_a_sentence_stays_when_it_says_what_the_finding_says(text: str, presence: Presence, kept: bool) -> None:
    sentence = Sentence(text=text, findings=(EFFUSION,))
    assert agreeing((sentence,), {EFFUSION: presence}) == ((sentence,) if kept else ())


def test_one_finding_that_disagrees_is_enough_to_leave_it_out() -> None:
    sentence = Sentence(text="Left pleural effusion, no pneumothorax.", findings=(EFFUSION, "pneumothorax"))
    assert agreeing((sentence,), {EFFUSION: "present", "pneumothorax": "absent"}) == (sentence,)
    assert agreeing((sentence,), {EFFUSION: "present", "pneumothorax": "present"}) == ()


def test_what_speaks_of_no_finding_stays() -> None:
    sentence = Sentence(text="The patient is slightly rotated.")
    assert agreeing((sentence,), {EFFUSION: "absent"}) == (sentence,)
