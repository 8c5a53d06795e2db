"""Every claim cites at least one item, and every item it cites was minted in this run (POLICIES G10; FAULTS 63)."""

from __future__ import annotations

import re
from typing import Final

from policies.claim import Check, Claim, VerdictOutcome
from policies.evidence import Evidence
from policies.grounding.checks.weighing import answer

NAME: Final = "citation_exists"
_ID: Final = re.compile(r"E[1-9][0-9]*")
_IN_TEXT: Final = re.compile(r"\[\s*(E[^\]\s]*(?:\s*,\s*E[^\]\s]*)*)\s*\]")


def check(claim: Claim, cited: tuple[Evidence, ...], patient: str) -> Check:
    """Unsupported when nothing is cited, an id is ill-formed or unknown to this run, or the text cites what the claim does not."""
    known = {item.id for item in cited}
    problems: list[tuple[VerdictOutcome, str]] = []
    if not claim.evidence:
        problems.append(("unsupported", "nothing is cited"))
    for number, identifier in enumerate(claim.evidence, start=1):
        if not _ID.fullmatch(identifier):
            problems.append(("unsupported", f"citation {number} is not of the form E1, E2 …"))
        elif identifier not in known:
            problems.append(("unsupported", f"{identifier} is no evidence of this run"))
    named = {word.strip() for match in _IN_TEXT.finditer(claim.text) for word in match[1].split(",")}
    problems += [("unsupported", "the text names evidence that the claim does not cite")] if named - set(claim.evidence) else []
    return answer(NAME, problems, f"{', '.join(claim.evidence)} of this run")
