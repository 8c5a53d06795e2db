"""What the lexicon reads in single sentences: finding, polarity, side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.grounding.lexicon import entailed, mentions, sentences

P, A, U = "present", "absent", "uncertain"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Small left pleural effusion and right basilar atelectasis.", [("pleural_effusion", P, "left"), ("atelectasis", P, "right")]),
        ("There is blunting of the left costophrenic angle.", [("pleural_effusion", P, "left")]),
        (
            "No pneumothorax, pleural effusion or focal consolidation.",
            [("pneumothorax", A, None), ("pleural_effusion", A, None), ("consolidation", A, None)],
        ),
        ("No pneumothorax, small left effusion.", [("pneumothorax", A, None), ("pleural_effusion", P, "left")]),
        ("Small left effusion, pneumothorax is not seen.", [("pleural_effusion", P, "left"), ("pneumothorax", A, None)]),
        ("No pneumothorax is seen and the heart is enlarged.", [("pneumothorax", A, None), ("cardiomegaly", P, None)]),
        ("No change in the effusion.", [("pleural_effusion", P, None)]),
        ("Not only consolidation but also effusion.", [("consolidation", P, None), ("pleural_effusion", P, None)]),
        ("The left effusion is no longer seen.", [("pleural_effusion", A, "left")]),
        ("Effusion has not resolved.", [("pleural_effusion", P, None)]),
        ("Interval resolution of the right pneumothorax.", [("pneumothorax", A, "right")]),
        ("Unchanged left pleural effusion.", [("pleural_effusion", P, "left")]),
        ("Pneumothorax cannot be excluded.", [("pneumothorax", U, None)]),
        ("Possible small left effusion.", [("pleural_effusion", U, "left")]),
        ("Right lower lobe opacity may represent pneumonia or atelectasis.", [("consolidation", U, "right"), ("atelectasis", U, "right")]),
        ("Left base atelectasis or infiltrate.", [("atelectasis", U, "left"), ("consolidation", U, "left")]),
        ("Consider pneumonia or atelectasis.", [("consolidation", U, None), ("atelectasis", U, None)]),
        ("There is a nodule; consider CT.", [("nodule", P, None)]),
        ("There is no evidence to suggest edema.", [("pulmonary_edema", A, None)]),
        ("History of pneumothorax.", []),
        ("Indication: rule out pneumothorax.", []),
        ("CT to exclude a nodule is advised.", []),
        ("Right tension pneumothorax with mediastinal shift to the left.", [("tension_pneumothorax", P, "right")]),
        ("Right pneumothorax without tension.", [("pneumothorax", P, "right"), ("tension_pneumothorax", A, None)]),
        ("ETT tip in the right main bronchus.", [("malpositioned_device", P, None)]),
        ("The tip of the endotracheal tube is 4.5 cm above the carina.", [("malpositioned_device", A, None)]),
        ("Endotracheal tube tip 0.5 cm above the carina.", [("malpositioned_device", P, None)]),
        ("Endotracheal tube tip 45 mm above the carina.", [("malpositioned_device", A, None)]),
        ("Cardiothoracic ratio 0.56.", [("cardiomegaly", P, None)]),
        ("Cardiothoracic ratio 48 %.", [("cardiomegaly", A, None)]),
        ("The cardiac silhouette is not enlarged.", [("cardiomegaly", A, None)]),
        ("Thyroid nodule. Pericardial effusion. Ankle oedema.", []),
        ("Bibasilar atelectasis.", [("atelectasis", P, "bilateral")]),
        ("Consolidation in the right upper and left lower lobes.", [("consolidation", P, "bilateral")]),
        ("Left chest wall pacemaker with leads in the right atrium.", [("pacemaker", P, None)]),
        ("The pacemaker has been removed.", [("pacemaker", A, None)]),
        ("Pneumonia in the right clinical setting.", [("consolidation", P, None)]),
        ("Dense opacity at the right base, consistent with a large pleural effusion.", [("pleural_effusion", P, "right")]),
        ("The examination is negative for effusion or pneumothorax.", [("pleural_effusion", A, None), ("pneumothorax", A, None)]),
    ],
)
def test_reads_a_sentence(text: str, expected: list[tuple[str, str, str | None]]) -> None:
    assert [(m.finding, m.polarity, m.side) for m in mentions(text)] == expected


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("The lungs are clear.", {"consolidation", "nodule", "pulmonary_edema", "atelectasis"}),
        ("Heart size normal.", {"cardiomegaly"}),
        ("The costophrenic angles are sharp.", {"pleural_effusion"}),
        ("No acute cardiopulmonary abnormality.", {"pleural_effusion", "pneumothorax", "consolidation", "pulmonary_edema"}),
        ("The left lung is clear.", {"consolidation", "nodule", "atelectasis"}),
        ("The lungs are otherwise clear.", set()),
        ("The lungs are not clear.", set()),
        ("Loss of the normally sharp costophrenic angle.", set()),
    ],
)
def test_reads_statements_of_normality_as_absence(text: str, absent: set[str]) -> None:
    found = mentions(text)
    assert {m.finding for m in found} == absent
    assert all(m.implied and m.polarity == A for m in found)


def test_spans_point_into_the_text_and_sentences_are_counted() -> None:
    text = (
        "FINDINGS: The heart is enlarged. There is a 2.5 cm nodule, approx. 3 mm larger.\nIMPRESSION: 1. Left effusion. 2. Dr. Who"
        " agrees.No pneumothorax"
    )
    assert [s.text for s in sentences(text)] == [
        "The heart is enlarged.", "There is a 2.5 cm nodule, approx. 3 mm larger.", "Left effusion.", "Dr. Who agrees.", "No pneumothorax",
    ]  # fmt: skip
    assert [s.section for s in sentences(text)] == ["findings", "findings", "impression", "impression", "impression"]
    assert [(text[m.start : m.end], m.sentence) for m in mentions(text)] == [
        ("heart is enlarged", 0), ("nodule", 1), ("effusion", 2), ("pneumothorax", 4),
    ]  # fmt: skip


def test_tension_entails_pneumothorax_and_no_pneumothorax_entails_no_tension() -> None:
    assert entailed("tension_pneumothorax", "present") == (("pneumothorax", "present"),)
    assert entailed("pneumothorax", "absent") == (("tension_pneumothorax", "absent"),)
    assert entailed("pneumothorax", "present") == ()


@given(st.text(alphabet=st.sampled_from("no left right effusion, pneumothorax. \n:;?1.5 cmEİß\u200b"), max_size=200))
def test_never_fails_and_keeps_every_span_inside_the_text(text: str) -> None:
    for sentence in sentences(text):
        assert text[sentence.start : sentence.end] == sentence.text
    assert all(0 <= m.start < m.end <= len(text) for m in mentions(text))
