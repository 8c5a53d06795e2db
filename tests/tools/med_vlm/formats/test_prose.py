"""Prose: sentences, headings, and what is cut off."""

from __future__ import annotations

import pytest

from tools.med_vlm.errors import ModelOutputInvalid
from tools.med_vlm.formats.document import Frame
from tools.med_vlm.formats.prose import mend, parse

FRAME = Frame(100, 100)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("No effusion. A nodule of 1.5 cm is seen.", ["No effusion.", "A nodule of 1.5 cm is seen."]),
        ("**Findings:** The heart is enlarged.\n\n**Impression:** Cardiomegaly.", ["The heart is enlarged.", "Cardiomegaly."]),
        ("Indication: cough. Findings: Clear lungs. Comparison: none.", ["Clear lungs."]),
        ("- A nodule\n- No effusion", ["A nodule", "No effusion"]),
    ],
)
def test_sentences_under_findings_are_kept(text: str, said: list[str]) -> None:
    made = parse(text, FRAME)
    assert [one.text for one in made.sentences] == said
    assert all(one.drawn == () for one in made.sentences)


def test_sections_that_describe_no_finding_are_left_out_and_noted() -> None:
    made = parse("Indication: cough. Findings: Clear lungs. Recommendation: CT.", FRAME)
    assert made.notes == ("sections that describe no finding were left out",)
    assert parse("Findings: Clear lungs.", FRAME).notes == ()


@pytest.mark.fault(62)
@pytest.mark.parametrize("text", ["", "   ", "...", "Indication: cough.", "No effusion. " * 20, "the " * 5000], ids=repr)
def test_a_text_without_findings_or_without_end_is_refused(text: str) -> None:
    with pytest.raises(ModelOutputInvalid):
        parse(text, FRAME)


def test_a_last_sentence_that_was_cut_off_is_left_out() -> None:
    mended, notes = mend("No effusion. There is a pneumo")
    assert mended == "No effusion."
    assert "left out" in notes[0]
    assert mend("There is a pneumo")[0] == ""
