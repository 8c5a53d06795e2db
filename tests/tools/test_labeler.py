"""What the labeler makes of a report: findings with side and place, and labels with denial and doubt."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.codes import FINDING
from policies.grounding.lexicon import mentions
from retrieval.cards import CaseFinding
from sandbox.phantoms.reports import write
from sandbox.phantoms.sample import sample
from sandbox.phantoms.truth import truth
from tools.labeler import CHEXPERT, label, labels

CLAUSES = st.sampled_from(
    ["no", "possible", "small left", "effusion", "pneumothorax", "in the right lower lobe", "and", ",", "; ", ". ", "but", "opacity", "RUL",
     "nodule", "clips", "FINDINGS:", "history of", "cannot be excluded", "scoliosis", "granuloma", "without", "at the bases", "bilateral"]
)  # fmt: skip


def said(report: str) -> list[str]:
    return [" ".join(filter(None, (one.side, one.key, f"({one.location})" if one.location else ""))) for one in label(report)]


@pytest.mark.parametrize(
    ("report", "found"),
    [
        ("Right lower lobe consolidation with small left pleural effusion.", ["right consolidation (lower lobe)", "left pleural_effusion"]),
        ("Bibasilar atelectasis.", ["bilateral atelectasis (base)"]),
        ("Consolidation in the right upper and left lower lobes.", ["left consolidation (lower lobe)", "right consolidation (upper lobe)"]),
        ("Effusion and atelectasis at the left base.", ["left atelectasis (base)", "left pleural_effusion (base)"]),
        ("No pneumothorax. Possible nodule. History of effusion.", []),
        ("INDICATION: pneumonia. FINDINGS: Clear lungs.", []),
        ("Calcified granuloma in the left mid lung.", ["left granuloma (mid zone)"]),
        ("Effusion in the left base and a nodule.", ["nodule", "left pleural_effusion (base)"]),
        ("Opacity in the left base.", ["left lung_opacity (base)"]),
        ("RLL pneumonia.", ["right consolidation (lower lobe)"]),
        ("Mild dextroscoliosis. Hiatal hernia. Median sternotomy wires.", ["hiatal_hernia", "scoliosis", "surgical_clips"]),
        ("Left chest wall pacemaker.", ["pacemaker", "support_device"]),
        ("The PICC has been removed. No rib fracture.", []),
        ("Left effusion. Pleural effusion is unchanged.", ["left pleural_effusion"]),
        ("", []),
    ],
)
def test_findings_are_what_is_stated_with_side_and_place(report: str, found: list[str]) -> None:
    assert said(report) == found


@pytest.mark.parametrize(
    ("report", "found"),
    [
        ("", {}),
        ("Normal chest.", {"no_finding": "present"}),
        ("No effusion.", {"no_finding": "present", "pleural_effusion": "absent"}),
        ("Possible nodule.", {"no_finding": "absent", "nodule": "uncertain", "lung_lesion": "uncertain"}),
        ("No nodule.", {"no_finding": "present", "nodule": "absent"}),
        ("A nodule is not excluded. Nodule in the left apex.", {"no_finding": "absent", "nodule": "present", "lung_lesion": "present"}),
        ("Effusion cannot be excluded. No effusion.", {"no_finding": "absent", "pleural_effusion": "uncertain"}),
        ("Pacemaker. Lungs are clear.", {"no_finding": "present", "pacemaker": "present", "support_device": "present"}),
        ("Right tension pneumothorax.", {"pneumothorax": "present", "tension_pneumothorax": "present"}),
        ("No rib fracture. Mediastinum is widened.", {"fracture": "absent", "enlarged_cardiomediastinum": "present"}),
        ("Granulomatous infection, old.", {"granuloma": "present"}),
        ("Kyphosis. COPD.", {"kyphosis": "present", "emphysema": "present"}),
    ],
)
def test_labels_are_present_before_uncertain_before_absent(report: str, found: dict[str, str]) -> None:
    read = labels(report)
    assert {key: read.get(key) for key in found} == found
    assert (read == {}) == (report == "")


def test_all_fourteen_labels_of_chexpert_can_be_read() -> None:
    report = (
        "Widened mediastinum. Cardiomegaly. Left basilar opacity. 2 cm nodule. Interstitial edema. Right consolidation, pneumonia."
        " Atelectasis. Pneumothorax. Pleural effusion. Apical pleural thickening. Rib fracture. PICC tip in the SVC."
    )
    read = labels(report)
    assert {key: read.get(key) for key in CHEXPERT} == dict.fromkeys(CHEXPERT, "present") | {"no_finding": "absent"}


def test_states_what_a_phantom_s_report_was_written_from() -> None:
    """The report writer of the sandbox is of another hand than the labeler's words."""
    drawn = missed = invented = 0
    for number in range(120):
        spec = sample(number)
        stated, true = {one.key for one in label(write(spec, seed=number).text)} & FINDING.keys(), {key for key, _ in truth(spec)}
        drawn, missed, invented = drawn + len(true), missed + len(true - stated), invented + len(stated - true)
    assert drawn > 70
    assert missed <= 0.09 * drawn  # the writer hedges some
    assert invented <= 0.02 * drawn


@given(st.lists(CLAUSES, max_size=14).map(" ".join) | st.text(max_size=80))
def test_any_text_gives_findings_an_index_takes_and_the_ten_as_the_lexicon_reads_them(report: str) -> None:
    found = label(report)
    assert all(
        re.fullmatch(r"[a-z][a-z0-9_]{1,63}", one.key) and re.fullmatch(r"[a-z][a-z ]{1,30}", one.location or "none") for one in found
    )
    assert list(found) == sorted(set(found), key=lambda one: (one.key, one.side or "", one.location or ""))
    asserted = {one.finding for one in mentions(report) if one.polarity == "present"}
    assert {one.key for one in found} & FINDING.keys() == asserted
    assert {one.key for one in found} - {"lung_opacity"} <= {key for key, one in labels(report).items() if one == "present"} | asserted


def test_a_finding_is_told_once_when_another_mention_says_it_more_exactly() -> None:
    assert label("Nodule. Nodule in the left apex. Left nodule.") == (CaseFinding("nodule", "left", "apex"),)


def test_a_report_without_an_end_is_labelled_in_a_moment() -> None:
    """An archive may hold reports of 100,000 characters; reading a tenth of one as one sentence would take an hour."""
    assert [one.key for one in label("effusion right base and " * 400)] == ["pleural_effusion"]
