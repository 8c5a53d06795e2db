"""What a model is asked: every finding once, yes first; sides only of what has one."""

from __future__ import annotations

import pytest

from fhir.codes import FINDING, FINDINGS
from tools.labeler import labels
from tools.med_vlm.asking.questions import SIDES, WORDINGS, question, side_question


def test_there_is_a_wording_for_every_finding_of_the_vocabulary() -> None:
    assert list(WORDINGS) == [finding.key for finding in FINDINGS]


@pytest.mark.parametrize("key", WORDINGS)
def test_a_question_is_one_of_yes_and_no_with_a_caption_for_each(key: str) -> None:
    asked = question(key)
    assert asked.name == key
    assert asked.answers == ("yes", "no")
    assert len(set(asked.captions)) == 2
    assert asked.text.endswith("Answer yes or no.")


@pytest.mark.parametrize("key", WORDINGS)
def test_the_captions_say_to_the_labeler_what_they_are_to_say_to_a_model(key: str) -> None:
    present, absent = question(key).captions
    assert labels(f"There is {present}.")[key] == "present"
    assert labels(f"{absent}.")[key] == "absent"


@pytest.mark.parametrize("key", [key for key, finding in FINDING.items() if finding.lateral])
def test_the_side_is_asked_as_the_patients_with_where_it_lies_in_the_image(key: str) -> None:
    asked = side_question(key)
    assert asked.name == f"{key}.side"
    assert asked.answers == tuple(SIDES) == ("left", "right", "both")
    assert [caption.split()[0] for caption in asked.captions] == ["left", "right", "bilateral"]
    assert "The patient's left is on the right of the image" in asked.text


def test_no_side_is_asked_of_what_has_none() -> None:
    with pytest.raises(ValueError, match="no side"):
        side_question("cardiomegaly")
