"""Which sentences of training reports may be drafted."""

from __future__ import annotations

import pytest

from tools.med_vlm.compact.fitting.sentence_bank import UNCHECKED, sentence_bank, stated_by
from tools.med_vlm.compact.reading.drafting import Stated


@pytest.mark.parametrize(
    "text",
    [
        "There is a 12 mm nodule in the right upper zone.",
        "There is a small left pleural effusion.",
        "Marked cardiomegaly.",
        "Consolidation in the left lower lobe.",
        "Bibasal atelectasis.",
        "Cardiomegaly, unchanged.",
        "Right tension pneumothorax; urgent decompression needs to be considered.",
        "The nasogastric tube is malpositioned.",
        "Right mainstem intubation",
    ],
)
def test_what_no_head_can_check_is_left_out(text: str) -> None:
    assert UNCHECKED.search(text)


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("Left-sided pleural effusion", [("pleural_effusion", "present", "left")]),
        ("Bilateral pleural effusions.", [("pleural_effusion", "present", "bilateral")]),
        ("Cardiomegaly.", [("cardiomegaly", "present", None)]),
        ("Cardiac pacemaker in place.", [("pacemaker", "present", None)]),
        ("Right tension pneumothorax", [("pneumothorax", "present", "right"), ("tension_pneumothorax", "present", "right")]),
        ("No pneumothorax.", [("pneumothorax", "absent", None), ("tension_pneumothorax", "absent", None)]),
        ("Possible left pleural effusion.", []),
        ("There is a cardiac pacemaker with its generator in the left pectoral region.", []),
        ("Both costophrenic angles are blunted", []),
        ("Both costophrenic sulci are clear, without effusion.", [("pleural_effusion", "absent", None)]),
        ("Old rib fracture.", []),
        ("Cardiomegaly and a rib fracture.", []),
        ("The weather is fine.", []),
    ],
)
def test_what_a_sentence_states(text: str, states: list[tuple[str, str, str | None]]) -> None:
    assert [(one.key, one.presence, one.side) for one in stated_by(text)] == states


REPORTS = (
    ("phantom-000001", ("The lungs are clear.", "Left-sided pleural effusion, small.", "Cardiomegaly.")),
    ("phantom-000002", ("Cardiomegaly.", "There is a large right pneumothorax.", "Unremarkable chest radiograph.")),
    ("phantom-000003", ("Heart size is normal.", "Cardiomegaly.", "Enlarged cardiac silhouette.")),
)


def test_every_sentence_is_found_again_where_it_says_it_stands() -> None:
    bank = sentence_bank(REPORTS)
    assert {one.text for one in bank} >= {"Left-sided pleural effusion", "Cardiomegaly.", "Heart size is normal."}
    texts = {name: " ".join(said) for name, said in REPORTS}
    assert all(texts[one.report][one.start : one.end] == one.text for one in bank)
    assert not any(UNCHECKED.search(one.text) for one in bank)


def test_a_sentence_that_many_reports_share_is_taken_once_from_the_first() -> None:
    (heart,) = [one for one in sentence_bank(REPORTS) if one.text == "Cardiomegaly."]
    assert heart.source == "phantom-000001#57-70"


def test_calling_the_whole_image_normal_is_marked() -> None:
    whole = {one.text: one.whole for one in sentence_bank(REPORTS)}
    assert whole["Unremarkable chest radiograph."]
    assert not whole["Heart size is normal."]


def test_a_full_bank_keeps_one_wording_of_each_statement_before_a_second_of_any() -> None:
    bank = sentence_bank(REPORTS, limit=4)
    assert len(bank) == 4
    assert len({one.states for one in bank}) == 4


def test_statements_are_hashable_and_equal_by_value() -> None:
    assert len({Stated(key="nodule", presence="absent"), Stated(key="nodule", presence="absent")}) == 1
