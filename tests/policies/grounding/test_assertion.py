"""What a sentence says of a word in it: present, absent, uncertain, or only named."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.grounding.assertion import cues, polarity_at

P, A, U = "present", "absent", "uncertain"


def polarity(sentence: str, word: str, *, device: bool = False) -> str | None:
    start = sentence.lower().index(word)
    return polarity_at(sentence, start, start + len(word), device=device)


@pytest.mark.fault(70)
@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("A small pneumothorax.", P),
        ("No pneumothorax.", A),
        ("No effusion, pneumothorax or nodule.", A),
        ("The lungs are free of pneumothorax.", A),
        ("Pneumothorax is not seen.", A),
        ("The pneumothorax has resolved.", A),
        ("Effusion and pneumothorax are absent.", A),
        ("Pneumothorax: none.", A),
        ("Effusion, pneumothorax, nodule: none.", A),
        ("Pneumothorax: not seen.", A),
        ("Pneumothorax: small, effusion not seen.", P),
        ("Pneumothorax; effusion: none.", P),
        ("No effusion but a pneumothorax.", P),
        ("No effusion; pneumothorax persists.", P),
        ("No change in the pneumothorax.", P),
        ("Not only pneumothorax.", P),
        ("Pneumothorax has nearly completely resolved.", P),
        ("Pneumothorax cannot be excluded.", U),
        ("Possible pneumothorax.", U),
        ("Lucency that may represent a pneumothorax.", U),
        ("Pneumothorax?", U),
        ("Cannot rule out pneumothorax.", U),
        ("We could not completely exclude a pneumothorax.", U),
        ("A pneumothorax we cannot exclude.", U),
        ("Pneumothorax cannot entirely be ruled out.", U),
        ("Pneumothorax can not be excluded.", U),
        ("History of pneumothorax.", None),
        ("Rule out pneumothorax.", None),
        ("If a pneumothorax develops, it is drained.", None),
    ],
)
def test_reads_what_is_said_of_a_finding(sentence: str, expected: str | None) -> None:
    assert polarity(sentence, "pneumothorax") == expected


@pytest.mark.parametrize(
    ("sentence", "as_device", "as_finding"),
    [
        ("The pacemaker has been removed.", A, P),
        ("Removal of the pacemaker.", A, P),
        ("A pacemaker is in place.", P, P),
        ("No pacemaker.", A, A),
    ],
)
def test_only_a_device_can_be_taken_out(sentence: str, as_device: str, as_finding: str) -> None:
    assert polarity(sentence, "pacemaker", device=True) == as_device
    assert polarity(sentence, "pacemaker") == as_finding


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("No pneumothorax is seen.", [("deny_before", "No")]),
        ("No interval change.", [("pseudo", "No interval change")]),
        ("It cannot be excluded.", [("doubt_after", "cannot be excluded")]),
        ("Cannot exclude it.", [("doubt_before", "Cannot exclude")]),
        ("Status post removal of a line.", [("name_before", "Status post"), ("removed_before", "removal of")]),
        ("The lungs are expanded.", []),
    ],
)
def test_finds_the_cues_of_a_sentence(sentence: str, expected: list[tuple[str, str]]) -> None:
    assert [(cue.kind, sentence[cue.start : cue.end]) for cue in cues(sentence)] == expected


words = st.sampled_from(["no", "possible", "pneumothorax", "but", "is", "not", "seen", ",", ";", ":", "none", "or", "history of", "?"])


@given(st.lists(words, max_size=12).map(" ".join))
def test_cues_come_in_order_and_never_overlap(sentence: str) -> None:
    found = cues(sentence)
    assert all(0 <= cue.start < cue.end <= len(sentence) for cue in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


@given(st.lists(words, max_size=8).map(" ".join))
def test_what_comes_before_a_semicolon_and_but_changes_nothing(before: str) -> None:
    assert polarity(f"{before}; but there is edema.", "edema") == P
