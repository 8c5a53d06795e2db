"""Boxes and masks go to the findings their words name."""

from __future__ import annotations

import numpy as np
import pytest

from tools.med_vlm.formats.document import Box, Drawn, Told
from tools.med_vlm.report.localised import MOST_REGIONS, UNVOUCHED, about, mask, regions, sentence
from tools.med_vlm.report.masks import decoded, encoded

BOX, SCORED = Box(0.5, 0.5, 0.9, 0.9), Box(0.1, 0.1, 0.4, 0.4, 0.95)
PROBABILITIES = {"pleural_effusion": 0.7, "pneumothorax": 0.2, "atelectasis": 0.6}


def told(text: str, *words: str, boxes: tuple[Box, ...] = (BOX,)) -> Told:
    return Told(text, tuple(Drawn(one, boxes) for one in words or (text,)))


@pytest.mark.parametrize(
    ("text", "words", "findings"),
    [
        ("There is a left pleural effusion.", "There is a left pleural effusion.", {"pleural_effusion"}),
        ("Effusion with adjacent atelectasis.", "adjacent atelectasis", {"atelectasis"}),
        ("Effusion with adjacent atelectasis.", "Effusion with adjacent atelectasis.", {"pleural_effusion", "atelectasis"}),
        ("Effusion without pneumothorax.", "Effusion without pneumothorax.", {"pleural_effusion"}),
        ("Effusion without pneumothorax.", "pneumothorax", set()),
        ("Effusion at the left base.", "the left base", set()),
    ],
)
def test_something_is_drawn_for_what_its_words_name_and_the_sentence_states(text: str, words: str, findings: set[str]) -> None:
    assert about(Drawn(words, (BOX,)), Told(text)) == findings


def test_a_box_without_a_score_takes_the_probability_of_its_finding() -> None:
    said = [told("There is a left pleural effusion.", boxes=(BOX, SCORED)), told("Possible effusion.", boxes=(BOX,)), told("No nodule.")]
    assert [(one.x0, one.score) for one in regions("pleural_effusion", said, 0.7)] == [(0.1, 0.95), (0.5, 0.7)]
    assert regions("nodule", said, 0.2) == ()


def test_a_finding_keeps_so_many_regions_and_no_more() -> None:
    boxes = tuple(Box(n / 100, 0, 1, 1, n / 100) for n in range(1, 20))
    found = regions("pleural_effusion", [told("Effusions.", boxes=boxes)], 0.7)
    assert len(found) == MOST_REGIONS
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_a_sentence_names_its_findings_in_the_vocabularys_order_and_keeps_all_its_boxes() -> None:
    made = sentence(told("Atelectasis and effusion, no pneumothorax, at the left base.", "Atelectasis", "the left base"), PROBABILITIES)
    assert made.findings == ("pleural_effusion", "pneumothorax", "atelectasis")
    assert [one.score for one in made.regions] == [0.6, UNVOUCHED]


def test_masks_of_one_finding_become_one() -> None:
    left, right = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    left[:, 0], right[:, 3] = True, True
    said = [Told("Bilateral effusions.", (Drawn("Bilateral effusions", (), (encoded(left), encoded(right))),))]
    made = mask("pleural_effusion", said)
    assert made is not None
    assert np.array_equal(decoded(made), left | right)
    assert mask("nodule", said) is None
