"""What a text states, with what follows from it, and how sides overlap."""

from __future__ import annotations

import pytest

from fhir.codes import Side
from tools.med_vlm.report.stated import Stated, affirmed, overlap, parts, stated


def test_a_text_states_each_thing_once_with_what_follows_from_it() -> None:
    said = stated("There is a left tension pneumothorax. No effusion. No effusion. Possible nodule.")
    assert set(said) == {
        Stated("tension_pneumothorax", "present", "left"),
        Stated("pneumothorax", "present", "left"),
        Stated("pleural_effusion", "absent"),
        Stated("nodule", "uncertain"),
    }
    assert len(set(said)) == len(said)
    assert affirmed(said) == {"tension_pneumothorax", "pneumothorax", "nodule"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("left", "left", True),
        ("left", "right", False),
        ("left", "bilateral", True),
        ("right", None, True),
        (None, None, True),
        ("bilateral", "bilateral", True),
    ],
)
def test_sides_overlap_where_they_may_mean_the_same_place(one: Side | None, other: Side | None, same: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is same
    assert parts("bilateral") == {"left", "right"}
    assert parts(None) == frozenset()
