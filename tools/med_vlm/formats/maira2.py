"""MAIRA-2's grounded reports: `<obj>sentence<box><x37><y12><x60><y44></box></obj>`, boxes only where a finding can be located.

Coordinates are the numbers of a hundred bins (Bannur et al., arXiv 2406.04449), a place being the middle of its bin, on the square
that the model's processor cuts from the middle of the frontal image. A report without any `<obj>` is a plain one.
"""

from __future__ import annotations

import re
from typing import Final

from tools.med_vlm.errors import ModelOutputInvalid
from tools.med_vlm.formats import prose
from tools.med_vlm.formats.document import MOST_BOXES, Box, Drawn, Frame, Report, Told, bounded, box, report, told

BINS: Final = 100
_TAG: Final = re.compile(r"</?(?:obj|box)>")
_BOX: Final = re.compile(r"\s*<x(\d{1,2})>\s*<y(\d{1,2})>\s*<x(\d{1,2})>\s*<y(\d{1,2})>\s*", re.ASCII)
_PLACE: Final = re.compile(r"<[xy]\d")
_BETWEEN: Final = re.compile(r"[\s.,;]*")


def parse(text: str, frame: Frame) -> Report:
    """The report, its boxes in fractions of the whole frontal image.

    Raises:
        ModelOutputInvalid: it is too long; a sentence or box is not closed, stands within another or has words outside; a box is not
            four places in order.
    """
    if "<obj>" not in bounded(text) and "<box>" not in text:
        return prose.parse(text, frame)
    sentences: list[Told] = []
    at = 0
    while (start := text.find("<obj>", at)) >= 0:
        _nothing(text[at:start])
        end = text.find("</obj>", start)
        if end < 0:
            raise ModelOutputInvalid("a sentence is not closed")
        sentences.append(_sentence(text[start + len("<obj>") : end], frame))
        at = end + len("</obj>")
    _nothing(text[at:])
    return report(sentences)


def mend(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` without a last sentence that was not ended and without boxes that cannot be read; and what was done, in words."""
    notes: list[str] = []
    start, end = text.rfind("<obj>"), text.rfind("</obj>")
    if start > end:
        text = text[:start]
        notes.append("the last sentence was not ended, and was left out")
    readable = re.sub(r"<box>([^<]*(?:<[xy]\d*>[^<]*)*)</box>", lambda match: match[0] if _readable(match[1]) else "", text)
    if readable != text:
        notes.append("boxes that could not be read were left out")
    return readable, tuple(notes)


def _readable(inner: str) -> bool:
    match = _BOX.fullmatch(inner)
    return match is not None and int(match[1]) < int(match[3]) and int(match[2]) < int(match[4])


def _nothing(between: str) -> None:
    if not _BETWEEN.fullmatch(between):
        raise ModelOutputInvalid("words stand outside the sentences")


def _sentence(inner: str, frame: Frame) -> Told:
    words, *rest = inner.split("<box>")
    if len(rest) > MOST_BOXES:
        raise ModelOutputInvalid(f"a sentence has more than {MOST_BOXES} boxes")
    boxes = tuple(_box(one, frame) for one in rest)
    if _TAG.search(words) or _PLACE.search(words):
        raise ModelOutputInvalid("a tag stands where words should be")
    return told(words, (Drawn(words.strip(), boxes),) if boxes else ())


def _box(rest: str, frame: Frame) -> Box:
    places, closed, after = rest.partition("</box>")
    match = _BOX.fullmatch(places)
    if not closed or match is None or after.strip():
        raise ModelOutputInvalid("a box is not four places within 0 to 99")
    x0, y0, x1, y1 = ((int(one) + 0.5) / BINS for one in match.groups())
    return box(
        _whole(x0, frame.columns, frame), _whole(y0, frame.rows, frame), _whole(x1, frame.columns, frame), _whole(y1, frame.rows, frame)
    )


def _whole(fraction: float, length: int, frame: Frame) -> float:
    """A fraction of the square in the middle as a fraction of the image's side of `length` pixels."""
    side = min(frame.rows, frame.columns)
    return ((length - side) // 2 + fraction * side) / length
