"""A case asks as a review asks: with its vectors, its keys, and whatever of it is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from evaluation.asking import embedded, persons, query
from retrieval.cards import SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.keys import Keyring


def test_cases_are_embedded_as_the_encoder_embeds_them(make_case: Callable[..., SourceCase], encoder: HashEncoder) -> None:
    cases, told = [make_case(number) for number in range(70)], list[int]()
    asked = embedded(encoder, cases, told.append)
    assert [one.card.key for one in asked] == [case.card.key for case in cases]
    assert np.allclose([one.image for one in asked], encoder.images([case.image for case in cases]), atol=1e-6)
    assert np.allclose([one.text for one in asked], encoder.texts([case.card.report for case in cases]), atol=1e-6)
    assert told == [64, 70]


def test_a_case_whose_report_says_nothing_is_left_out_as_a_build_would(make_case: Callable[..., SourceCase], encoder: HashEncoder) -> None:
    asked = embedded(encoder, [make_case(0), make_case(2, report="123 456"), make_case(4)])
    assert persons(asked) == [make_case(0).card.person, make_case(4).card.person]


@pytest.mark.parametrize(
    ("kind", "vectors", "known"),
    [("image", (True, False), (True, False)), ("text", (False, True), (False, True)), ("fused", (True, True), (True, True))],
)
def test_what_is_not_asked_with_excludes_nothing(
    make_case: Callable[..., SourceCase],
    encoder: HashEncoder,
    keyring: Keyring,
    kind: str,
    vectors: tuple[bool, bool],
    known: tuple[bool, bool],
) -> None:
    (one,) = embedded(encoder, [make_case(5, linked=(keyring.person("another name"),))])
    made = query(one, kind, keyring.check, k=7)  # type: ignore[arg-type]
    assert (made.image is not None, made.text is not None) == vectors
    assert (made.image_hash is not None, made.report_hash is not None) == known
    assert (made.report_hash is None) == (made.report_sketch is None)
    assert made.persons == {one.card.person, keyring.person("another name")}
    assert made.studies == {one.card.study}
    assert (made.k, made.key_check) == (7, keyring.check)


def test_kinds_can_be_compared_over_the_same_cases(make_case: Callable[..., SourceCase], encoder: HashEncoder, keyring: Keyring) -> None:
    (one,) = embedded(encoder, [make_case(5)])
    fused = query(one, "fused", keyring.check, k=5)
    for kind in ("image", "text"):
        made = query(one, kind, keyring.check, k=5, known="fused")
        assert replace(made, image=None, text=None) == replace(fused, image=None, text=None)


def test_a_day_bounds_what_may_be_found(make_case: Callable[..., SourceCase], encoder: HashEncoder, keyring: Keyring) -> None:
    (one,) = embedded(encoder, [make_case(5)])
    assert query(one, "fused", keyring.check, k=5, as_of=date(2016, 1, 1)).as_of == date(2016, 1, 1)
    assert query(one, "fused", keyring.check, k=5).as_of == date.max
