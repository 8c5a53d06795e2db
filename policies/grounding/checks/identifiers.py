"""Numbers that look like a record, an accession or a telephone number are repeated from the evidence or not at all (FAULTS 78)."""

from __future__ import annotations

import re
from typing import Final

from policies.claim import Check, Claim, VerdictOutcome
from policies.evidence import Evidence
from policies.grounding.checks.weighing import answer
from policies.grounding.units import plain_signs, unit_after

NAME: Final = "identifiers"
_LIKE_ID: Final = re.compile(
    r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|\b\d+(?:\.\d+){4,}\b|\b\d{3}-\d{2}-\d{4}\b|\(?\b\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b"
    r"|\b(?=[A-Z0-9-]*\d[A-Z0-9-]*\d[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9]+(?:-[A-Z0-9]+)*\b|(?<![\w.,-])\d{6,}(?![\w]|[.,]\d)"
    r"|\b(?:MRN|accession|account|patient\s+id|record)(?:\s+(?:number|no\.?))?\s*[:#]?\s*(?P<after>[A-Z0-9-]*\d[A-Z0-9-]*)",
    re.IGNORECASE,
)
_DATED: Final = re.compile(r"(?:19|20)\d\d-\d\d")
_DOSE: Final = re.compile(r"\d+[a-z%]{1,5}", re.IGNORECASE)
# Names with digits that are no identifiers; x109 is what remains of ×10⁹.
_OWN: Final = re.compile(r"CKD-EPI-?\d*|CHA2DS2(?:-VASC?)?|COVID-19|X?10(?:9|12)", re.IGNORECASE)


def check(claim: Claim, cited: tuple[Evidence, ...], patient: str) -> Check:
    """Unsupported when an identifier-like word of the claim is in no cited item. The detail never repeats it."""
    held = " ".join(part for item in cited for part in (item.text, item.reference, *(quote.text for quote in item.quotes)))
    strange = [word for word in _like_ids(claim.text) if word.lower() not in held.lower()]
    problems: list[tuple[VerdictOutcome, str]] = (
        [("unsupported", f"{len(strange)} identifier-like words stand in no cited item")] if strange else []
    )
    return answer(NAME, problems, "no identifier that the cited items do not hold")


def _like_ids(text: str) -> list[str]:
    plain = plain_signs(text)
    found = []
    for match in _LIKE_ID.finditer(plain):
        word = match["after"] or match[0]
        is_measured = _DOSE.fullmatch(word) or (word.isdigit() and unit_after(plain, match.end())[0])
        if not is_measured and not _DATED.match(word) and not _OWN.fullmatch(word):
            found.append(word)
    return found
