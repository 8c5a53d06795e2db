"""Mentions beyond the ten are read with the same rules for denial, doubt and side."""

from __future__ import annotations

import pytest

from policies.grounding.lexicon import mentions
from tools.label_mentions import every_mention
from tools.label_words import WORDS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No rib fracture.", [("fracture", "absent", None)]),
        ("Possible left rib fracture.", [("fracture", "uncertain", None)]),  # "left rib" is anatomy, as for the ten
        ("Old healed fractures on the left.", [("fracture", "present", "left")]),
        ("Elevated right hemidiaphragm.", [("elevated_diaphragm", "present", "right")]),
        ("Mild scoliosis to the right.", [("scoliosis", "present", None)]),
        ("The PICC has been removed.", [("support_device", "absent", None)]),
        ("Subcutaneous emphysema.", []),
        ("Granulomatosis with polyangiitis.", []),
        ("History of fracture.", []),
        ("TECHNIQUE: surgical clips.", []),
        ("Osseous structures are intact.", [("fracture", "absent", None)]),
        ("Rib fracture; osseous structures otherwise intact.", [("fracture", "present", None)]),
        ("The mediastinum is unremarkable.", [("enlarged_cardiomediastinum", "absent", None)]),
        ("Atherosclerotic calcification of the aorta.", [("atherosclerosis", "present", None)]),
        ("Calcified hilar lymph nodes.", [("calcification", "present", None)]),
    ],
)
def test_reads_a_sentence(text: str, expected: list[tuple[str, str, str | None]]) -> None:
    found = dict.fromkeys((one.finding, one.polarity, one.side) for one in every_mention(text) if one.finding in WORDS)
    assert list(found) == expected


@pytest.mark.parametrize("text", ["Small left effusion. Clips. No nodule.", "Normal chest.", "", "Cardiothoracic ratio 0.56, scoliosis."])
def test_the_ten_are_as_the_lexicon_reads_them_at_their_places(text: str) -> None:
    everything = every_mention(text)
    assert [one for one in everything if one.finding not in WORDS] == sorted(
        mentions(text), key=lambda one: (one.start, one.end, one.finding)
    )
    assert all(0 <= one.start < one.end <= len(text) for one in everything)
