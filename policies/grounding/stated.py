"""What an item of evidence, or a claim, states of the findings: its structured fields and its words, brought to one form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fhir.codes import Side
from policies.claim import Claim
from policies.evidence import Evidence, Polarity
from policies.grounding.lexicon import entailed, mentions

_DENIAL: Final = re.compile(
    r"\b(?:no|not|none|nil|never|without|denies|denied|negative|absent|absence|free\s+of|resolved|inactive|excluded|refuted|zero)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One finding with what is said of it."""

    finding: str
    polarity: Polarity
    side: Side | None


def stated_by(item: Evidence) -> tuple[Statement, ...]:
    """What `item` states, with what that entails. An image reading is its fields; a report sentence its fields and its words."""
    found: dict[Statement, None] = {}
    if item.finding is not None and item.polarity is not None:
        found[Statement(item.finding, item.polarity, item.side)] = None
    if item.kind != "image_finding" or item.finding is None:
        # A sentence is kept once for each finding it speaks of: the words of the other findings count as well.
        for mention in mentions(item.text):
            if mention.finding != item.finding:
                found[Statement(mention.finding, mention.polarity, mention.side)] = None
    return _with_entailed(found)


def stated_in(claim: Claim) -> tuple[Statement, ...]:
    """What the claim states in its words; its fields count where the words name no such finding."""
    found = {Statement(mention.finding, mention.polarity, mention.side): None for mention in mentions(claim.text)}
    if claim.finding is not None and claim.finding not in {statement.finding for statement in found}:
        found[Statement(claim.finding, claim.polarity, claim.side)] = None
    return tuple(found)


def denies(item: Evidence) -> bool:
    """Whether `item` denies anything at all: by its polarity, its status or its words."""
    return item.polarity == "absent" or _DENIAL.search(item.text) is not None or _DENIAL.search(item.status or "") is not None


def compatible(one: Side | None, other: Side | None) -> bool:
    """Whether two statements can be about the same side: an unstated side and `bilateral` fit every side."""
    return one is None or other is None or one == other or "bilateral" in (one, other)


def _with_entailed(found: dict[Statement, None]) -> tuple[Statement, ...]:
    for statement in tuple(found):
        for finding, polarity in entailed(statement.finding, statement.polarity):
            found[Statement(finding, polarity, statement.side)] = None
    return tuple(found)
