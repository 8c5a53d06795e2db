"""What a claim asserts is not denied by its evidence, and what it denies is not asserted there (FAULTS 70).

Findings are compared by the lexicon; the other words of a claim by the scope of negation they stand in, here and there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from policies.claim import Check, Claim, VerdictOutcome
from policies.evidence import Evidence, Polarity
from policies.grounding.assertion import polarity_at
from policies.grounding.checks.weighing import STATED_KINDS, about_patient, answer
from policies.grounding.lexicon import mentions, sentences
from policies.grounding.stated import Statement, compatible, stated_by, stated_in
from policies.grounding.terms import content_words, folded

NAME: Final = "negation"
_COMPARES: Final = re.compile(r"\b(?:differs?|disagrees?|discordan\w+|new|resolved|changed|no\s+longer)\b", re.IGNORECASE)
"""Words of a sentence that sets two sources or two times against each other: its evidence is meant to disagree."""
Problems = list[tuple[VerdictOutcome, str]]


def check(claim: Claim, cited: tuple[Evidence, ...], patient: str) -> Check:
    """Contradicted on opposite polarity; unsupported when certainty is claimed of what is doubted.

    Cannot tell when the evidence disagrees with itself.
    """
    own = about_patient(cited)
    said = stated_in(claim)
    problems = [*_own_words(claim, said)]
    for statement in said:
        problems += _against(claim, statement, said, own)
    if claim.kind in STATED_KINDS:
        problems += _words(claim, tuple(item for item in own if item.kind != "image_finding"))
    return answer(NAME, problems, "nothing is denied on one side and asserted on the other")


def _own_words(claim: Claim, said: tuple[Statement, ...]) -> Problems:
    """The claim's fields against its own words."""
    spoken = {statement.polarity for statement in said if statement.finding == claim.finding}
    if not spoken or claim.polarity in spoken or claim.kind not in STATED_KINDS:
        return []
    return [("contradicted", f"the words say {', '.join(sorted(spoken))}, the claim is {claim.polarity}")]


def _against(claim: Claim, statement: Statement, said: tuple[Statement, ...], own: tuple[Evidence, ...]) -> Problems:
    about = [other for item in own for other in stated_by(item) if other.finding == statement.finding]
    held = {other.polarity for other in about if compatible(statement.side, other.side)}
    if not held:
        silent = claim.kind in STATED_KINDS and not about
        return [("unsupported", f"no cited item speaks of {statement.finding}")] if silent else []
    both = {other.polarity for other in said if other.finding == statement.finding} >= {"present", "absent"}
    both = both or (statement.polarity in held and _COMPARES.search(claim.text) is not None)
    if {"present", "absent"} <= held and not both:
        return [("cannot_tell", f"the cited items disagree on {statement.finding}")]
    return _compare(statement, held)


def _compare(statement: Statement, held: set[Polarity]) -> Problems:
    wanted, finding = statement.polarity, statement.finding
    if wanted in held or (wanted == "uncertain" and "present" in held):
        return []
    if "uncertain" in held:
        return [("unsupported", f"the cited items are uncertain of {finding}")]
    return [("contradicted", f"the claim has {finding} {wanted}, the cited items {', '.join(sorted(held))}")]


def _words(claim: Claim, own: tuple[Evidence, ...]) -> Problems:
    here = {word: denied for word, denied in _denied(claim.text) if not _names_a_finding(claim.text, word)}
    there: dict[str, set[bool]] = {}
    for item in own:
        for word, denied in _denied(item.text):
            there.setdefault(word, set()).add(denied)
    opposed = [word for word, denied in here.items() if word in there and there[word] == {not denied}]
    if opposed:
        return [("contradicted", f"{len(opposed)} words are denied on one side and asserted on the other")]
    return _new_denial(claim, own)


def _names_a_finding(text: str, word: str) -> bool:
    """Whether `word` is part of a finding's name: those are compared as findings, with their sides and sources."""
    return any(word in folded(text[mention.start : mention.end]) for mention in mentions(text))


_DENIAL: Final = re.compile(r"\b(?:no|not|never|without|denies|none|nor|neither)\b", re.IGNORECASE)


def _new_denial(claim: Claim, own: tuple[Evidence, ...]) -> Problems:
    """A denial that nothing cited holds: "is not on the problem list" of a problem that is."""
    if not own or not _DENIAL.search(claim.text) or stated_in(claim):
        return []
    denied = any(item.polarity == "absent" or _DENIAL.search(item.text) for item in own)
    return [] if denied else [("contradicted", "the claim denies what the cited items state without a denial")]


@lru_cache(maxsize=4096)
def _denied(text: str) -> tuple[tuple[str, bool], ...]:
    """Each content word of `text` with whether it stands denied; a word that stands both ways is left out."""
    found: dict[str, set[bool]] = {}
    for word, denied in _scan(text):
        found.setdefault(word, set()).add(denied)
    return tuple((word, denied.pop()) for word, denied in found.items() if len(denied) == 1)


def _scan(text: str) -> Iterator[tuple[str, bool]]:
    for sentence in sentences(text):
        for word, start, end in content_words(sentence.text):
            yield word, polarity_at(sentence.text, start, end) == "absent"
