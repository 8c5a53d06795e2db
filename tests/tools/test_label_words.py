"""The tables of label words: keys that an index takes, apart from the ten, and nothing that names a label there is not."""

from __future__ import annotations

import re

from fhir.codes import FINDING
from tools.label_words import DEVICES, NORMAL, NOT_THIS, WORDS


def test_keys_are_those_an_index_takes_and_none_of_the_ten() -> None:
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{1,63}", key) for key in WORDS)
    assert not WORDS.keys() & FINDING.keys()


def test_the_other_tables_speak_of_these_keys_alone() -> None:
    assert WORDS.keys() >= NOT_THIS.keys()
    assert WORDS.keys() >= DEVICES
    assert WORDS.keys() >= {key for _, keys in NORMAL for key in keys}
