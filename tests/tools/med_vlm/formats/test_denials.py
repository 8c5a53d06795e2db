"""Nothing is drawn for what a sentence denies."""

from __future__ import annotations

import pytest

from tools.med_vlm.formats.denials import NOTE, without_denied
from tools.med_vlm.formats.document import Box, Drawn, Report, Told

BOX = (Box(0.1, 0.1, 0.5, 0.5),)


def reported(sentence: str, words: str) -> Report:
    return Report((Told(sentence, (Drawn(words, BOX),)),))


@pytest.mark.parametrize(
    ("sentence", "words", "kept"),
    [
        ("No pleural effusion.", "", False),
        ("There is no pneumothorax on the left.", "", False),
        ("The lungs are clear.", "", False),
        ("No acute cardiopulmonary process.", "", False),
        ("Normal aortic contour.", "", False),
        ("There is a left pleural effusion.", "", True),
        ("Possible nodule in the right upper lobe.", "", True),
        ("Left effusion, no pneumothorax.", "", True),
        ("Left effusion, no pneumothorax.", "no pneumothorax", False),
        ("Left effusion, no pneumothorax.", "Left effusion", True),
        ("Old rib fracture.", "", True),
        ("Something odd at the left base.", "the left base", True),
    ],
)
def test_a_box_stays_only_on_what_is_stated_or_doubted(sentence: str, words: str, kept: bool) -> None:
    made = without_denied(reported(sentence, words or sentence))
    assert made.sentences[0].text == sentence
    assert bool(made.sentences[0].drawn) is kept
    assert made.notes == (() if kept else (NOTE,))


def test_a_report_with_nothing_drawn_is_given_back_as_it_is() -> None:
    report = Report((Told("No effusion."),))
    assert without_denied(report) is report
