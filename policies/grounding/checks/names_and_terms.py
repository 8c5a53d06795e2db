"""Names of medications, tests and problems in a claim stand in a cited item; stated facts hold no word the evidence does not."""

from __future__ import annotations

from typing import Final

from policies.claim import Check, Claim, VerdictOutcome
from policies.evidence import Evidence
from policies.grounding.checks.weighing import STATED_KINDS, about_patient, answer, without_others
from policies.grounding.lexicon import mentions
from policies.grounding.numbers import without_figures
from policies.grounding.terms import content_words, folded, is_clinical_name, same_word, vocabulary

NAME: Final = "names_and_terms"
_TOGETHER: Final = {
    "hemoglobin": ("a1c", "glycated"),
    "creatinine": ("clearance", "urine", "ratio"),
    "calcium": ("ionized",),
    "albumin": ("urine", "ratio"),
}
"""Tests whose short name is another test: the first word alone does not name what both words measure."""


def check(claim: Claim, cited: tuple[Evidence, ...], patient: str) -> Check:
    """Unsupported when a clinical name, or in a finding or assessment any content word, is in no cited item."""
    own, stated = about_patient(cited), claim.kind in STATED_KINDS
    held = vocabulary(tuple(_text(item) for item in (own if stated else without_others(claim.text, cited)[1])))
    # Words that name one of the ten findings are compared by what they mean, not letter by letter.
    spans = [(mention.start, mention.end) for mention in mentions(claim.text) if not mention.implied]
    strange = [
        word
        for word, start, end in content_words(without_figures(claim.text))
        if not any(low <= start and end <= high for low, high in spans)
        and (is_clinical_name(word) or stated)
        and not any(same_word(word, other) for other in held)
    ]
    problems: list[tuple[VerdictOutcome, str]] = (
        [("unsupported", f"in no cited item: {', '.join(dict.fromkeys(strange))}")] if strange else []
    )
    problems += [("unsupported", f"{word} alone is another test than the one cited") for word in _shortened(claim, own)]
    return answer(NAME, problems, "every name stands in the cited items")


def _shortened(claim: Claim, own: tuple[Evidence, ...]) -> list[str]:
    said = vocabulary((folded(claim.text),))
    measured = [vocabulary((_text(item),)) for item in own if item.quantity is not None]
    named = [(word, words) for word in _TOGETHER if word in said for words in [[held for held in measured if word in held]] if words]
    return [word for word, words in named if all(any(mark in held and mark not in said for mark in _TOGETHER[word]) for held in words)]


def _text(item: Evidence) -> str:
    return folded(" ".join((item.text, item.status or "", *(quote.text for quote in item.quotes))))
