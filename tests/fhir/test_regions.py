"""Parts of the body by code and by word."""

from __future__ import annotations

import pytest

from fhir.regions import SNOMED_REGIONS, regions, same_region


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CHEST", {"chest"}),
        ("Thoracic structure (body structure)", {"chest"}),
        ("XR Chest Single view", {"chest"}),
        ("Thorax", {"chest"}),
        ("LUNG", {"chest"}),
        ("TSPINE", {"thoracic spine"}),
        ("Thoracic spine", {"thoracic spine"}),
        ("XR thoracic spine and chest", {"thoracic spine", "chest"}),
        ("L-spine", {"lumbar spine"}),
        ("CHESTABDPELVIS", {"chest", "abdomen", "pelvis"}),
        ("CT abdomen and pelvis", {"abdomen", "pelvis"}),
        ("CT head without contrast", {"head"}),
        ("Left hand", {"hand"}),
        ("handling, headache, kneeling", set()),
        ("", set()),
    ],
)
def test_words_name_regions(text: str, found: set[str]) -> None:
    assert regions((), (text,)) == found


def test_codes_and_words_add_up() -> None:
    assert regions(("51185008", "unknown"), ("Abdomen",)) == {"chest", "abdomen"}
    assert set(SNOMED_REGIONS.values()) >= {"chest", "abdomen", "pelvis", "head", "hand"}


@pytest.mark.parametrize(
    ("one", "other", "texts", "same"),
    [
        ({"chest"}, {"chest", "abdomen"}, ("Thorax", "CHESTABDOMEN"), True),
        ({"chest"}, {"hand"}, ("Chest", "Hand"), False),
        (set(), {"chest"}, (None, "Chest"), True),
        (set(), {"chest"}, ("Clavicle", "Chest"), False),
        (set(), set(), ("Left  Clavicle", "left clavicle"), True),
        (set(), set(), ("Clavicle", "Jaw"), False),
        (set(), set(), (None, None), True),
    ],
)
def test_two_studies_may_show_one_region(one: set[str], other: set[str], texts: tuple[str | None, str | None], same: bool) -> None:
    assert same_region(frozenset(one), frozenset(other), texts) is same
    assert same_region(frozenset(other), frozenset(one), texts[::-1]) is same
