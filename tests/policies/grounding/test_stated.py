"""What evidence and claims state of the findings."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from policies.grounding.stated import Statement, compatible, denies, stated_by, stated_in

Make = Callable[..., Any]
EFFUSION, TENSION, PLAIN = "pleural_effusion", "tension_pneumothorax", "pneumothorax"


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("Left effusion.", {}, [(EFFUSION, "present", "left")]),
        ("Left effusion.", {"finding": EFFUSION, "polarity": "present"}, [(EFFUSION, "present", None)]),
        (
            "Left effusion, no nodule.",
            {"finding": EFFUSION, "polarity": "present", "side": "left"},
            [(EFFUSION, "present", "left"), ("nodule", "absent", None)],
        ),
        ("Right tension pneumothorax.", {}, [(TENSION, "present", "right"), (PLAIN, "present", "right")]),
        ("No pneumothorax.", {}, [(PLAIN, "absent", None), (TENSION, "absent", None)]),
        ("History of pneumothorax.", {}, []),
        ("Seen on 2026-11-20.", {}, []),
    ],
)
def test_a_report_sentence_states_its_fields_and_its_other_words(item: Make, text: str, fields: Any, expected: list[Any]) -> None:
    evidence = item("E1", "DiagnosticReport/1", text, kind="report_sentence", **fields)
    assert stated_by(evidence) == tuple(Statement(*one) for one in expected)


def test_an_image_reading_states_its_fields_alone(item: Make) -> None:
    text = "The image model reads tension pneumothorax; no nodule"
    reading = item("E1", "image:a", text, finding=TENSION, polarity="present", side="left")
    assert stated_by(reading) == (Statement(TENSION, "present", "left"), Statement(PLAIN, "present", "left"))


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("Left effusion.", {}, [(EFFUSION, "present", "left")]),
        ("Left effusion.", {"finding": EFFUSION, "polarity": "absent", "side": "right"}, [(EFFUSION, "present", "left")]),
        ("It is seen.", {"finding": EFFUSION, "side": "right"}, [(EFFUSION, "present", "right")]),
        ("No nodule.", {"finding": EFFUSION}, [("nodule", "absent", None), (EFFUSION, "present", None)]),
        ("Metformin is active.", {}, []),
    ],
)
def test_the_words_of_a_claim_outrank_its_fields(claim: Make, text: str, fields: Any, expected: list[Any]) -> None:
    assert stated_in(claim(text, "E1", **fields)) == tuple(Statement(*one) for one in expected)


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("Asthma, active", {}, False),
        ("No known allergy", {}, True),
        ("Asthma", {"status": "resolved"}, True),
        ("reads nodule", {"polarity": "absent"}, True),
        ("Nodule was excluded", {}, True),
        ("A nodular notch, none the less noted in another nostril", {}, True),
        ("Nodular notch noted in another nostril", {}, False),
    ],
)
def test_says_whether_anything_is_denied(item: Make, text: str, fields: Any, expected: bool) -> None:
    assert denies(item("E1", "Condition/1", text, **fields)) is expected


@pytest.mark.parametrize(("one", "other"), list(product(("left", "right", "bilateral", None), repeat=2)))
def test_left_and_right_alone_cannot_be_the_same_side(one: Any, other: Any) -> None:
    assert compatible(one, other) is ({one, other} != {"left", "right"})
