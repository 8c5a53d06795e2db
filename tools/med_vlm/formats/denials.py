"""Boxes on what a sentence denies: a model that draws where there is nothing to see has drawn nothing (MedGrounder's rule)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tools.med_vlm.formats.document import Drawn, Report, Told
from tools.med_vlm.report.stated import Stated, stated

NOTE: Final = "what was drawn for something denied was left out"
_DENIES: Final = re.compile(r"\s*(?:there (?:is|are) )?(?:no|not|without|clear|normal|unremarkable|negative)\b", re.IGNORECASE)


def without_denied(report: Report) -> Report:
    """`report` without boxes and masks on words that its sentence denies, which is noted."""
    kept = tuple(_kept(sentence) for sentence in report.sentences)
    return report if kept == report.sentences else replace(report, sentences=kept, notes=(*report.notes, NOTE))


def _kept(sentence: Told) -> Told:
    if not any(one.boxes or one.masks for one in sentence.drawn):
        return sentence
    said = stated(sentence.text)
    return Told(sentence.text, tuple(one for one in sentence.drawn if not _denied(one, sentence.text, said)))


def _denied(drawn: Drawn, text: str, said: Sequence[Stated]) -> bool:
    """Nothing the words name is stated; words that name nothing known are denied by how the sentence begins."""
    named = {one.finding for one in stated(drawn.words)}
    about = [one for one in said if not named or one.finding in named]
    return all(one.polarity == "absent" for one in about) if about else _DENIES.match(text) is not None
