"""A claim is plain text: no address, no markup, no invisible characters (FAULTS 71, 78)."""

from __future__ import annotations

import re
from typing import Final

from policies.claim import Check, Claim, VerdictOutcome
from policies.evidence import Evidence
from policies.grounding.checks.weighing import answer

NAME: Final = "no_foreign_links"
_FORBIDDEN: Final = {
    "an address": re.compile(
        r"\b[a-z][a-z0-9+.-]{1,15}://|\bwww\.|\b(?:javascript|data|mailto|file|vbscript):\S|\b[\w.+-]+@[\w-]+\.\w|"
        r"\b[\w-]+\.(?:com|net|org|io|info|example|ru|xyz|co|app|dev|site|online|top|edu|gov)(?![\w])(?:/\S*)?",
        re.IGNORECASE,
    ),
    "markup": re.compile(
        r"<\s*[/!?]?[a-z][^<>]{0,2000}>|<\s*(?:script|img|iframe|svg|a)\b|&(?:#\w+|lt|gt|amp|quot);"
        r"|!?\[[^\]]*\]\([^)]*\)|```|\]\s*\[|\{\{|\$\{",
        re.IGNORECASE,
    ),
    "an invisible or direction-changing character": re.compile(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
    ),
}


def check(claim: Claim, cited: tuple[Evidence, ...], patient: str) -> Check:
    """Unsupported when the text holds an address, markup or a character that is not seen, whatever the evidence holds."""
    problems: list[tuple[VerdictOutcome, str]] = [
        ("unsupported", f"the text holds {what}") for what, pattern in _FORBIDDEN.items() if pattern.search(claim.text)
    ]
    return answer(NAME, problems, "plain text")
