"""Where a sentence puts a finding: one word for each place, and the side written at it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.places import Place, each, places, places_of


def found(sentence: str, words: str = "X", *others: str) -> list[tuple[str, str | None]]:
    """Places of `words` in the sentence, with the spans of `others` as other findings."""
    start = sentence.index(words)
    spans = [(sentence.index(other), sentence.index(other) + len(other)) for other in others]
    return [(place.location, place.side) for place in places_of(sentence, start, start + len(words), spans)]


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("RUL", ("upper lobe", "right")), ("left upper lobe", ("upper lobe", "left")), ("LLL", ("lower lobe", "left")),
        ("lower lobes", ("lower lobe", None)), ("RML", ("middle lobe", "right")), ("lingula", ("lingula", "left")),
        ("right mid-lung zone", ("mid zone", "right")), ("upper lung fields", ("upper zone", None)), ("left apex", ("apex", "left")),
        ("both apices", ("apex", "bilateral")), ("biapical", ("apex", "bilateral")), ("bibasilar", ("base", "bilateral")),
        ("right lung base", ("base", "right")), ("retrocardiac", ("behind the heart", None)), ("left perihilar", ("hilum", "left")),
        ("minor fissure", ("fissure", None)), ("left lateral base", ("base", "left")),
    ],
)  # fmt: skip
def test_each_way_of_writing_a_place_is_one_word(words: str, place: tuple[str, str | None]) -> None:
    assert [(one.location, one.side) for one in places(f"Opacity, {words}.")] == [place]


@pytest.mark.parametrize("words", ["baseline", "database", "based on", "lobectomy", "upper abdomen", "basis"])
def test_words_that_look_like_a_place_are_none(words: str) -> None:
    assert places(f"Compared with {words} X.") == ()


@pytest.mark.parametrize(
    ("sentence", "others", "expected"),
    [
        ("X in the right lower lobe", (), [("lower lobe", "right")]),
        ("Right lower lobe X", (), [("lower lobe", "right")]),
        ("X in the right upper and left lower lobes", (), [("upper lobe", "right"), ("lower lobe", "left")]),
        ("X at the right base and at the left apex", (), [("base", "right"), ("apex", "left")]),
        ("Left base X and right apical Y", ("Y",), [("base", "left")]),
        ("X and Y at the left base", ("Y",), [("base", "left")]),
        ("Y at the left base and X", ("Y",), []),
        ("Y at the left base, X in the apex", ("Y",), [("apex", None)]),
        ("X but no Y at the left base", ("Y",), []),
        ("X; the left base is clear", (), []),
        ("No change at the base, the X is larger", (), []),
        ("X", (), []),
    ],
)
def test_a_place_belongs_to_the_finding_it_is_written_at(
    sentence: str, others: tuple[str, ...], expected: list[tuple[str, str | None]]
) -> None:
    assert found(sentence, "X", *others) == expected


def test_a_place_among_the_finding_s_own_words_is_its_place() -> None:
    assert found("Right basilar opacity near the apex", "basilar opacity") == [("base", "right")]


def test_a_place_has_its_own_side_or_the_finding_s() -> None:
    own, none = Place("base", "left", 0, 4), Place("apex", None, 5, 9)
    assert list(each([own, none], "right")) == [("left", "base"), ("right", "apex")]
    assert list(each([], "right")) == [("right", None)]


@given(st.text(alphabet=st.sampled_from(" .,;XRULandlowerbaseinthe"), max_size=60), st.integers(0, 60), st.integers(0, 5))
def test_any_span_of_any_sentence_has_places_of_that_sentence(sentence: str, start: int, length: int) -> None:
    assert set(places_of(sentence, start, start + length)) <= set(places(sentence))
