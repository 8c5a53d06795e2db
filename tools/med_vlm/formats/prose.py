"""Plain prose: sentences and nothing drawn. What stands under headings that describe no finding is left out."""

from __future__ import annotations

import re
from typing import Final

from policies.grounding.prose import UNASSERTED_SECTIONS, Sentence
from policies.grounding.prose import sentences as split
from tools.med_vlm.formats.document import Frame, Report, bounded, report, told

_MARKDOWN: Final = re.compile(r"[*_#`]+")


def parse(text: str, frame: Frame) -> Report:  # nothing is drawn, so the frame is not asked
    """The report.

    Raises:
        ModelOutputInvalid: it is too long, or there is no sentence, or too many.
    """
    found = [one for one in split(_MARKDOWN.sub("", bounded(text))) if any(letter.isalnum() for letter in one.text)]
    said = [one for one in found if one.section not in UNASSERTED_SECTIONS]
    other = len(found) - len(said) - sum(one.section == "comparison" for one in found)
    notes = ("sections that describe no finding were left out",) if other else ()
    return report([told(one.text) for one in said], comparison=_under(found, "comparison"), notes=notes)


def mend(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` without a last sentence that was not ended; and what was done, in words."""
    end = max(text.rfind(stop) for stop in ".!?\n")
    return text[: end + 1], ("the last sentence was not ended, and was left out",)


def _under(found: list[Sentence], section: str) -> tuple[str, ...]:
    return tuple(told(one.text).text for one in found if one.section == section)
