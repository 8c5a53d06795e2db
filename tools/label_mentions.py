"""Mentions of findings beyond the ten, read as `policies.grounding.lexicon` reads those: with denial, doubt and side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from policies.grounding.assertion import polarity_at
from policies.grounding.finding_words import pattern
from policies.grounding.laterality import side_at
from policies.grounding.lexicon import Mention
from policies.grounding.lexicon import mentions as ten_mentions
from policies.grounding.prose import UNASSERTED_SECTIONS, sentences
from tools.label_words import DEVICES, NORMAL, NOT_THIS, WORDS

SIDELESS: Final = frozenset({"enlarged_cardiomediastinum", "hypoinflation", "hyperinflation", "hiatal_hernia", "scoliosis", "kyphosis"})
_WORDS: Final = {
    key: re.compile(r"(?<![\w-])(?:" + "|".join(map(pattern, fragments)) + r")(?!\w)", re.IGNORECASE) for key, fragments in WORDS.items()
}
_OTHER: Final = {key: re.compile(rf"\b(?:{pattern(fragment)})", re.IGNORECASE) for key, fragment in NOT_THIS.items()}
_NORMAL: Final = tuple((re.compile(pattern(fragment), re.IGNORECASE), keys) for fragment, keys in NORMAL)


def every_mention(report: str) -> tuple[Mention, ...]:
    """Every mention in `report` of a finding of the ten or of `tools.label_words`, in order of place.

    What stands under Indication, History, Comparison, Technique or Recommendation is left out.
    """
    found = list(ten_mentions(report))
    for index, sentence in enumerate(sentences(report)):
        if sentence.section not in UNASSERTED_SECTIONS:
            for one in _in_sentence(sentence.text):
                start, end = one.start + sentence.start, one.end + sentence.start
                found.append(Mention(one.finding, one.polarity, one.side, start, end, index, one.implied))
    return tuple(sorted(found, key=lambda one: (one.start, one.end, one.finding)))


@lru_cache(maxsize=4096)
def _in_sentence(sentence: str) -> tuple[Mention, ...]:
    named = tuple(_named(sentence))
    return (*named, *_ruled_out(sentence, frozenset(one.finding for one in named)))


def _named(sentence: str) -> Iterator[Mention]:
    for key, words in _WORDS.items():
        blocked = [match.span() for match in _OTHER[key].finditer(sentence)] if key in _OTHER else []
        for match in words.finditer(sentence):
            start, end = match.span()
            polarity = polarity_at(sentence, start, end, device=key in DEVICES)
            if polarity is not None and not any(low < end and start < high for low, high in blocked):
                yield Mention(key, polarity, None if key in SIDELESS else side_at(sentence, start, end), start, end, 0)


def _ruled_out(sentence: str, spoken: frozenset[str]) -> Iterator[Mention]:
    for statement, keys in _NORMAL:
        for match in statement.finditer(sentence):
            yield from (Mention(key, "absent", None, match.start(), match.end(), 0, implied=True) for key in keys if key not in spoken)
