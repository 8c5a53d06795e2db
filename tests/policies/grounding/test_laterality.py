"""The side a sentence gives to a mention."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.grounding.laterality import side_at, side_words

L, R, B = "left", "right", "bilateral"
MIRROR = {L: R, R: L, B: B, None: None}


def side(sentence: str, word: str, *others: str) -> str | None:
    at = sentence.lower()
    start = at.index(word)
    spans = [(at.index(other), at.index(other) + len(other)) for other in others]
    return side_at(sentence, start, start + len(word), spans)


@pytest.mark.fault(70)
@pytest.mark.parametrize(
    ("sentence", "sides"),
    [
        ("left effusion", [L]),
        ("right-sided effusion", [R]),
        ("LUL and RLL opacities", [L, R]),
        ("(R) effusion", [R]),
        ("R lung base", [R]),
        ("bibasilar atelectasis", [B]),
        ("left and right effusions", [B]),
        ("both lungs", [B]),
        ("lead in the right atrium", []),
        ("right internal jugular line", []),
        ("shift to the left", []),
        ("in the right clinical setting", []),
        ("what is left untreated", []),
        ("leftover uprights", []),
    ],
)
def test_tells_sides_of_findings_from_anatomy_ways_in_and_directions(sentence: str, sides: list[str]) -> None:
    assert [word.side for word in side_words(sentence)] == sides


@pytest.mark.parametrize(
    ("sentence", "effusion", "atelectasis"),
    [
        ("Left effusion and right atelectasis.", L, R),
        ("Left effusion and atelectasis.", L, L),
        ("Left effusion with adjacent atelectasis.", L, L),
        ("Effusion on the left, atelectasis on the right.", L, R),
        ("Effusion, no left atelectasis.", None, L),
        ("Effusion; left atelectasis.", None, L),
        ("Left effusion, but atelectasis.", L, None),
        ("Atelectasis. Effusion in the right upper and left lower lobes.", B, None),
    ],
)
def test_binds_a_side_to_the_words_it_belongs_to(sentence: str, effusion: str | None, atelectasis: str | None) -> None:
    assert side(sentence, "effusion", "atelectasis") == effusion
    if not sentence.startswith("Atelectasis."):  # the lexicon never asks across a sentence end
        assert side(sentence, "atelectasis", "effusion") == atelectasis


@pytest.mark.parametrize(("phrase", "expected"), [("left basal effusion", L), ("left and right effusions", B), ("effusion", None)])
def test_a_side_inside_the_words_themselves_is_theirs(phrase: str, expected: str | None) -> None:
    sentence = f"On the right there is a {phrase}."
    start = sentence.index(phrase)
    assert side_at(sentence, start, start + len(phrase)) == (expected or R)


words = st.sampled_from(["left", "right", "effusion", "nodule", "and", "in", "a", ",", "no", "with", "base", "small", "bilateral"])


@given(st.lists(words, max_size=10).map(" ".join))
def test_the_mirrored_sentence_has_the_mirrored_side(before: str) -> None:
    sentence = f"{before} atelectasis in the lung".strip()
    mirrored = sentence.replace("left", "\0").replace("right", "left").replace("\0", "right")
    assert side(mirrored, "atelectasis") == MIRROR[side(sentence, "atelectasis")]
