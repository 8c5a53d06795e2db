"""What one text states of findings, by the same rules that label reports and ground claims."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from fhir.codes import Side
from policies.evidence import Polarity
from policies.grounding.lexicon import entailed
from tools.label_mentions import every_mention


@dataclass(frozen=True, slots=True)
class Stated:
    """One finding as a text states it."""

    finding: str
    """Of `fhir.codes.FINDING` or of `tools.label_words`."""
    polarity: Polarity
    side: Side | None = None


@lru_cache(maxsize=1024)
def stated(text: str) -> tuple[Stated, ...]:
    """Everything `text` states, denies or doubts, what follows from it included, each once, in order of place."""
    said: dict[Stated, None] = {}
    for mention in every_mention(text):
        said[Stated(mention.finding, mention.polarity, mention.side)] = None
        for finding, polarity in entailed(mention.finding, mention.polarity):
            said[Stated(finding, polarity, mention.side)] = None
    return tuple(said)


def affirmed(said: Iterable[Stated]) -> frozenset[str]:
    """Findings that are stated or doubted, and not only denied."""
    return frozenset(one.finding for one in said if one.polarity != "absent")


def overlap(one: Side | None, other: Side | None) -> bool:
    """Whether two sides may mean the same place; nothing said may mean either."""
    return None in (one, other) or bool(parts(one) & parts(other))


def parts(side: Side | None) -> frozenset[str]:
    """The sides that `side` takes in: both of them for bilateral, none for None."""
    return frozenset(("left", "right") if side == "bilateral" else (side,) if side else ())
