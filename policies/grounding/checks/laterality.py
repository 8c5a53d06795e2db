"""The side of a claim is the side of its evidence, in its fields and in its words (FAULTS 70)."""

from __future__ import annotations

import re
from typing import Final

from fhir.codes import FINDING, Side
from policies.claim import Check, Claim, VerdictOutcome
from policies.evidence import Evidence
from policies.grounding.checks.weighing import about_patient, answer, without_others
from policies.grounding.laterality import side_words
from policies.grounding.stated import Statement, stated_by, stated_in

NAME: Final = "laterality"
_PLAIN: Final = re.compile(
    r"\b(?P<left>left|LUL|LLL|lingula)\b|\b(?P<right>right|RUL|RML|RLL)\b|\b(?P<bilateral>bilateral(?:ly)?|bi(?:basal|basilar|apical))\b",
    re.IGNORECASE,
)
Problems = list[tuple[VerdictOutcome, str]]


def check(claim: Claim, cited: tuple[Evidence, ...], patient: str) -> Check:
    """Contradicted when a side differs; unsupported when the claim has a side and the evidence none."""
    own = about_patient(cited)
    said = stated_in(claim)
    problems: Problems = []
    for statement in said:
        problems += _own_side(claim, statement)
        problems += _against(statement, own)
    problems += _against(Statement(claim.finding, claim.polarity, claim.side), own) if claim.finding and claim.side else []
    problems += _words(claim, without_others(claim.text, cited)[1], said) if not problems else []
    return answer(NAME, problems, "no side differs")


def _own_side(claim: Claim, statement: Statement) -> Problems:
    if statement.finding != claim.finding or None in (statement.side, claim.side) or statement.side == claim.side:
        return []
    return [("contradicted", f"the words say {statement.side}, the claim is {claim.side}")]


def _against(statement: Statement, own: tuple[Evidence, ...]) -> Problems:
    if statement.side is None or not FINDING[statement.finding].lateral:
        return []
    about = [other for item in own for other in stated_by(item) if other.finding == statement.finding]
    held = {other.side for other in about if other.polarity == statement.polarity} or {other.side for other in about}
    if not held or statement.side in held or (statement.side == "bilateral" and {"left", "right"} <= held):
        return []
    sides = sorted(side for side in held if side)
    if not sides:
        # "No effusion" without a side denies it on both.
        return [] if statement.polarity == "absent" else [("unsupported", f"no cited item gives {statement.finding} a side")]
    return [("contradicted", f"the claim has {statement.finding} {statement.side}, the cited items {', '.join(sides)}")]


def _words(claim: Claim, cited: tuple[Evidence, ...], said: tuple[Statement, ...]) -> Problems:
    """Side words outside the findings (a hip, a kidney, a line's way in) stand in the evidence too."""
    # A denial on one side is carried by a denial without a side, and was weighed above.
    wanted = _sides(claim.text) - {statement.side for statement in said if statement.polarity == "absent"}
    held: set[Side] = {side for item in cited for side in _sides(item.text)} | {item.side for item in cited if item.side}
    held |= {side for item in cited for quote in item.quotes for side in _sides(quote.text)}
    held |= {"bilateral"} if {"left", "right"} <= held else set()
    missing = sorted(wanted - held)
    if not missing:
        return []
    outcome: VerdictOutcome = "contradicted" if held else "unsupported"
    return [(outcome, f"{', '.join(missing)} stands in no cited item")]


def _sides(text: str) -> frozenset[Side]:
    named: set[Side] = {word.side for word in side_words(text)}
    for match in _PLAIN.finditer(text):
        for side in ("left", "right", "bilateral"):
            if match[side]:
                named.add(side)
    return frozenset(named)
