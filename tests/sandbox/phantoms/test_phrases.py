"""The tables of words cover the vocabulary."""

from __future__ import annotations

import string

from fhir.codes import FINDING
from sandbox.phantoms import phrases

KNOWN = {"side", "other", "lobe", "zone", "mm", "a_mm", "size", "degree", "device"}


def _templates() -> list[str]:
    return [text for table in (phrases.PRESENT, phrases.HEDGED, phrases.SHORT) for texts in table.values() for text in texts]


def test_every_finding_has_sentences_and_an_impression() -> None:
    assert {key for key, _ in phrases.PRESENT} == set(FINDING) == {key for key, _ in phrases.SHORT}


def test_every_placeholder_is_one_the_writer_fills() -> None:
    fields = {name for text in _templates() for _, name, _, _ in string.Formatter().parse(text) if name}
    assert fields - {f"{name}_cap" for name in KNOWN} <= KNOWN


def test_every_sentence_ends_as_a_sentence() -> None:
    assert all(text.endswith(".") for text in _templates())
    for table in (phrases.PRESENT, phrases.HEDGED, phrases.SHORT):
        texts = [text for group in table.values() for text in group]
        assert len(set(texts)) == len(texts)
