"""What a model writes of a change, held to the changes that its two readings bear out.

A model that is shown the prior image beside the study's writes of both. Nobody has shown that it tells a change: a calibration is of
what is there, not of what became of it. So its words stay where the two readings, each decided by itself, say the same of every finding
that they name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from policies.evidence import Polarity
from tools.label_mentions import every_mention
from tools.med_vlm.reading import Change, Reading
from tools.med_vlm.report.vetting import compares

_WORDS: Final[Mapping[Change, str]] = {
    "new": r"new(?:ly)?|developed|appeared",
    "resolved": r"resolved|resolution|cleared|disappeared|no longer",
    "unchanged": r"unchanged|stabl[ey]|again|persist\w*|remains?|(?:no|little|without) (?:\w+ ){0,2}change",
    "larger": r"increas\w*|worse|worsen\w*|progress\w*|larger|bigger|greater|enlarging|ha(?:s|ve) (?:\w+ )?enlarged",
    "smaller": r"decreas\w*|improv\w*|smaller|regress\w*",
}
_DIRECTIONS: Final = {change: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for change, words in _WORDS.items()}
_TOLD: Final[frozenset[Change]] = frozenset(_DIRECTIONS)
_NOT_THERE: Final[frozenset[Change]] = frozenset({"unchanged", "resolved"})
"""What can have become of a finding that is absent now."""


def borne_out(reading: Reading) -> Reading:
    """`reading` without the sentences that compare and that its changes do not bear out; a note counts them."""
    told = {one.key: one.change for one in reading.findings}
    kept = tuple(one for one in reading.narrative if not compares(one.text) or _holds(one.text, told))
    if not (left_out := len(reading.narrative) - len(kept)):
        return reading
    note = f"left out: {left_out} {'comparison' if left_out == 1 else 'comparisons'} that the two readings do not bear out"
    return reading.model_copy(update={"narrative": kept, "notes": (*reading.notes, note)})


def _holds(text: str, told: Mapping[str, Change | None]) -> bool:
    """Whether every finding the text names changed as it says; of a text that names none nobody can tell."""
    named, said = every_mention(text), frozenset(change for change, words in _DIRECTIONS.items() if words.search(text))
    return bool(named) and all(told.get(one.finding) in _allowed(one.polarity, said) for one in named)


def _allowed(polarity: Polarity, said: frozenset[Change]) -> frozenset[Change]:
    """The changes of a finding of which the text is true: those it speaks of, any that was told where it names none."""
    if polarity == "absent":
        return said & {"resolved"} or _NOT_THERE
    return said or _TOLD
