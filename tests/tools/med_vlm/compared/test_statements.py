"""What a model writes of a change stays where both readings say the same of what it names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.compared.statements import borne_out
from tools.med_vlm.reading import Change, FindingReading, Reading, Sentence

TOLD: dict[str, Change | None] = {
    "pleural_effusion": "larger",
    "cardiomegaly": "unchanged",
    "pneumothorax": "resolved",
    "nodule": "new",
    "consolidation": "undecided",
    "pulmonary_edema": "smaller",
    "atelectasis": None,
}


def reading(*sentences: str, told: dict[str, Change | None] = TOLD) -> Reading:
    findings = tuple(FindingReading(key=key, presence="present", probability=0.9, change=change) for key, change in told.items())
    narrative = tuple(Sentence(text=text) for text in sentences)
    return Reading(model="m", fingerprint="0" * 64, abstained=False, reason="", findings=findings, narrative=narrative, notes=("before",))


KEPT = [
    "The pleural effusion has increased.",
    "The pleural effusion is larger than before.",
    "Unchanged cardiomegaly.",
    "The pneumothorax has resolved.",
    "The pneumothorax is no longer seen.",
    "There is a new pulmonary nodule.",
    "Pulmonary edema has improved since the prior study.",
    "The pleural effusion has increased, and cardiomegaly is unchanged.",
    "Pleural effusion, compared with the prior radiograph.",
]
LEFT_OUT = [
    "The pleural effusion has decreased.",
    "Unchanged pleural effusion.",
    "There is a new pleural effusion.",
    "Cardiomegaly has progressed.",
    "The pneumothorax persists.",
    "The pulmonary nodule is stable.",
    "Persistent consolidation.",
    "Atelectasis is again seen.",
    "The pleural effusion has resolved.",
    "Interval improvement.",
    "The pleural effusion has increased, with a new rib fracture.",
    "No new consolidation.",
]


@pytest.mark.parametrize("text", KEPT)
def test_a_comparison_that_both_readings_bear_out_stays(text: str) -> None:
    assert borne_out(reading(text)) == reading(text)


@pytest.mark.parametrize("text", LEFT_OUT)
def test_one_that_they_do_not_bear_out_is_left_out_and_counted(text: str) -> None:
    made = borne_out(reading("There is a pleural effusion.", text))
    assert [one.text for one in made.narrative] == ["There is a pleural effusion."]
    assert made.notes == ("before", "left out: 1 comparison that the two readings do not bear out")
    assert text not in made.model_dump_json()


@pytest.mark.parametrize("change", [None, "undecided"])
@pytest.mark.parametrize("text", [*KEPT, *LEFT_OUT])
def test_where_no_change_was_told_no_comparison_stays(text: str, change: Change | None) -> None:
    made = borne_out(reading(text, text, told=dict.fromkeys(TOLD, change)))
    assert made.narrative == ()
    assert made.notes[1:] == ("left out: 2 comparisons that the two readings do not bear out",)


@given(st.lists(st.sampled_from([*KEPT, *LEFT_OUT, "There is a pleural effusion.", "The lungs are clear."])))
def test_what_stays_is_in_its_order_and_says_nothing_else(sentences: list[str]) -> None:
    made = borne_out(reading(*sentences))
    assert [one.text for one in made.narrative] == [text for text in sentences if text not in LEFT_OUT]
    assert borne_out(made).narrative == made.narrative
