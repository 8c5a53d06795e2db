"""Sentences of clinical prose, with their place in the text and the report section they stand in.

The rules are those radiology text needs: decimals, abbreviations, numbered lists, headings and sentences run together
without a space are told apart from sentence ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence. `text == whole[start:end]`; `section` is the heading it stands under, lower case, or empty."""

    text: str
    start: int
    end: int
    section: str = ""


UNASSERTED_SECTIONS: Final = frozenset({"indication", "history", "comparison", "technique", "reason", "question", "recommendation"})
"""Sections that ask, tell of the past or describe the examination: nothing in them is asserted of this image."""

_HEADINGS: Final = {
    "findings": "findings", "finding": "findings", "chest": "findings",
    "impression": "impression", "impressions": "impression", "conclusion": "impression", "conclusions": "impression",
    "opinion": "impression", "summary": "impression", "assessment": "impression",
    "indication": "indication", "indications": "indication", "clinical indication": "indication",
    "clinical information": "indication", "clinical details": "indication", "clinical data": "indication",
    "history": "history", "clinical history": "history", "past medical history": "history", "hpi": "history",
    "reason for exam": "reason", "reason for examination": "reason", "reason for study": "reason", "reason": "reason",
    "clinical question": "question", "question": "question",
    "comparison": "comparison", "comparisons": "comparison", "comparison study": "comparison",
    "technique": "technique", "procedure": "technique", "exam": "technique", "examination": "technique", "views": "technique",
    "recommendation": "recommendation", "recommendations": "recommendation",
}  # fmt: skip

_HEADING: Final = re.compile(
    r"(?:(?<=\n)|(?<=[.;!?]\s)|\A)[ \t]*(?P<colon>" + "|".join(sorted(_HEADINGS, key=len, reverse=True)) + r")[ \t]*:[ \t]*"
    r"|(?:(?<=\n)|\A)[ \t]*(?P<line>" + "|".join(sorted((h.upper() for h in _HEADINGS), key=len, reverse=True)) + r")[ \t]*(?=\n|\Z)",
    re.IGNORECASE,
)
_ABBREVIATIONS: Final = frozenset(
    {
        "dr",
        "mr",
        "mrs",
        "ms",
        "st",
        "vs",
        "e.g",
        "i.e",
        "approx",
        "cf",
        "resp",
        "fig",
        "pt",
        "dept",
        "prof",
        "jr",
        "sr",
        "incl",
        "ca",
        "art",
    }
)
_BOUNDARY: Final = re.compile(
    r"(?<![.!?])(?P<stop>[.!?]++[\"')\]]*+)(?:\s+(?=[\"'(\[]?[A-Z0-9*•?-])|\s*\Z|(?<=[a-z)]\.)(?=[A-Z][a-z])|\s*(?=\n))"
    r"|\n[ \t]*\n+|\n(?=[ \t]*(?:[A-Z*•]|-\s|\d+[.)]\s))"
)
_LIST_MARKER: Final = re.compile(r"\s*(?:[-*•]+\s+|\(?\d{1,2}[.)]\s+)?")
_LAST_TOKEN: Final = re.compile(r"(\S+?)[.!?]+$")
_LONGEST_TOKEN: Final = 32
"""Characters before a stop among which its word is looked for: more than any abbreviation or list number has, and an opening bracket."""
LONGEST: Final = 600
"""Characters of a sentence. What runs on is cut at a comma or a space: reading a sentence takes time with the cube of its length. The
longest of 2,949 chest radiograph reports (Indiana University) has 275."""
_PAUSE: Final = re.compile(r".*[,;]\s|.*\s", re.DOTALL)


def sentences(text: str) -> tuple[Sentence, ...]:
    """Split `text`; list markers and known headings are left out of the sentences, and every span points into `text`."""
    pieces: list[Sentence] = []
    section, at = "", 0
    for heading in _HEADING.finditer(text):
        if heading.start() < at:
            continue
        pieces += _split(text, at, heading.start(), section)
        section = _HEADINGS[(heading["colon"] or heading["line"]).lower()]
        at = heading.end()
    return tuple(pieces + _split(text, at, len(text), section))


def _split(text: str, start: int, end: int, section: str) -> list[Sentence]:
    found: list[Sentence] = []
    at = start
    for boundary in _BOUNDARY.finditer(text, start, end):
        stop = boundary.end("stop") if boundary["stop"] else boundary.start()
        if boundary["stop"] and _is_inner_stop(text, at, stop):
            continue
        _keep(found, text, at, stop, section)
        at = boundary.end()
    _keep(found, text, at, end, section)
    return found


def _is_inner_stop(text: str, at: int, stop: int) -> bool:
    """A stop after an abbreviation, an initial or a list number ends no sentence."""
    token = _LAST_TOKEN.search(text, max(at, stop - _LONGEST_TOKEN), stop)
    if token is None or not text.endswith(".", at, stop):
        return False
    word = token[1].strip("([\"'").lower()
    return word in _ABBREVIATIONS or (word.isdigit() and len(word) <= 2 and not text[at : token.start()].strip())


def _keep(found: list[Sentence], text: str, start: int, end: int, section: str) -> None:
    marker = _LIST_MARKER.match(text, start, end)
    for low, high in _runs(text, marker.end() if marker else start, end):
        run = text[low:high].strip()
        if any(letter.isalnum() for letter in run):
            at = text.index(run, low)
            found.append(Sentence(run, at, at + len(run), section))


def _runs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """[start, end) whole, or cut into runs of at most `LONGEST`."""
    while end - start > LONGEST:
        pause = _PAUSE.match(text, start + LONGEST // 2, start + LONGEST)
        cut = pause.end() if pause else start + LONGEST
        yield start, cut
        start = cut
    yield start, end
