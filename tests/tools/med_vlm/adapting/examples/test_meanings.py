"""Reports mean the same when they state the same findings on the same sides and doubt the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.cards import CaseFinding
from tools.med_vlm.adapting.examples.meanings import alike, meaning, numbered


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("No acute disease.", "The heart is normal in size. Lungs are clear.", True),
        ("Left pleural effusion.", "There is an effusion on the left.", True),
        ("Left pleural effusion.", "Right pleural effusion.", False),
        ("Left pleural effusion.", "No pleural effusion.", False),
        ("Cardiomegaly.", "Possible cardiomegaly.", False),
        ("Herz normal.", "Lunge frei.", False),
        ("Herz  normal.", "herz normal.", True),
    ],
)
def test_what_is_stated_and_doubted_decides(one: str, other: str, same: bool) -> None:
    assert (meaning(one) == meaning(other)) is same


def test_what_an_archive_states_goes_before_the_labeler() -> None:
    stated = [CaseFinding("nodule", "left")]
    assert meaning("Herdschatten links.", stated) == meaning("A left nodule.", stated) != meaning("Herdschatten links.")


@given(st.lists(st.sampled_from([("a",), ("b",), ("c",)])))
def test_equal_numbers_are_equal_meanings(meanings: list[tuple[object, ...]]) -> None:
    right = alike(numbered(meanings))
    assert right.shape == (len(meanings), len(meanings))
    assert np.array_equal(right, [[one == other for other in meanings] for one in meanings] or right)
    assert right.diagonal().all()
