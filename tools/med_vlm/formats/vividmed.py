"""VividMed's grounded answers: `<p>phrase</p>` in the text, and for each phrase a set of boxes and masks, of none, one or many.

The published model gives the text as tokens and the sets as tensors beside it (Luo et al., arXiv 2410.12694), so no text holds both.
Over a server the two come as one JSON object, `{"text": …, "phrases": [{"boxes": …, "masks": …}]}`: one set for each phrase, in
order, boxes as x0, y0, x1, y1 in fractions and perhaps a score, masks as run lengths. Text alone has phrases with nothing drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from policies.grounding.prose import UNASSERTED_SECTIONS, Sentence, sentences
from tools.med_vlm.errors import ModelOutputInvalid
from tools.med_vlm.formats.document import MOST_BOXES, Drawn, Frame, Report, bounded, box, mask, report, told

MOST_WRITTEN: Final = 200_000
"""Characters of the object: masks of 512 x 512 pixels take a few thousand each."""
MOST_PHRASES: Final = 256
_SPECIAL: Final = re.compile(r"</?(?:sys|usr|grd|ngrd|s)>")
_PHRASE: Final = re.compile(r"<(?P<tag>/?n?p)>")
_DENIED: Final = "np"
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Corners = tuple[Fraction, Fraction, Fraction, Fraction] | tuple[Fraction, Fraction, Fraction, Fraction, Fraction]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)


class VividMask(_Strict):
    """Run lengths: outside first, then in turn, row by row."""

    rows: int
    columns: int
    runs: list[int]


class VividSet(_Strict):
    """What is drawn for one phrase."""

    boxes: list[Corners] = Field([], max_length=MOST_BOXES)
    masks: list[VividMask] = Field([], max_length=MOST_BOXES)


class VividAnswer(_Strict):
    """Text and sets together, as a server gives them."""

    text: str
    phrases: list[VividSet]


def parse(text: str, frame: Frame) -> Report:  # coordinates are fractions, so the frame is not asked
    """The report, each phrase with its set.

    Raises:
        ModelOutputInvalid: it is too long; tags do not pair, the sets are not as many as the phrases, or a box or mask is none.
    """
    if not text.lstrip().startswith("{"):
        return _report(text, None)
    try:
        answer = VividAnswer.model_validate_json(bounded(text, MOST_WRITTEN))
    except ValidationError:
        raise ModelOutputInvalid("it is not one JSON object of text and phrases") from None
    return _report(answer.text, answer.phrases)


def mend(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` up to the last tag that pairs; a JSON object is left as it is, for without its end phrases and sets cannot be matched."""
    if text.lstrip().startswith("{"):
        return text, ()
    pairs = [match for match in _PHRASE.finditer(text) if match["tag"].startswith("/")]
    end = pairs[-1].end() if pairs else 0
    opened = _PHRASE.search(text, end)
    return text[: opened.start() if opened else len(text)], ("a phrase that was not ended was left out",)


def _report(text: str, sets: Sequence[VividSet] | None) -> Report:
    plain, phrases = _phrases(_SPECIAL.sub("", bounded(text)))
    if sets is not None and len(sets) != len(phrases):
        raise ModelOutputInvalid("there are not as many sets as phrases")
    drawn = [
        _drawn(words, one, denied=denied) for (words, _, denied), one in zip(phrases, sets or [VividSet()] * len(phrases), strict=True)
    ]
    said = [one for one in sentences(plain) if one.section not in UNASSERTED_SECTIONS]
    starts = [start for _, start, _ in phrases]
    told_all = [told(one.text, tuple(_within(one, starts, drawn))) for one in said]
    dropped = sum(denied and bool(one.boxes or one.masks) for (_, _, denied), one in zip(phrases, sets or (), strict=False))
    return report(told_all, notes=("what was drawn for a phrase marked as denied was left out",) if dropped else ())


def _phrases(text: str) -> tuple[str, list[tuple[str, int, bool]]]:
    """The text without tags, and each phrase: its words, where they begin in that text, whether it was marked as denied."""
    pieces: list[str] = []
    phrases: list[tuple[str, int, bool]] = []
    at, length, opened = 0, 0, ""
    for match in _PHRASE.finditer(text):
        piece, tag = text[at : match.start()], match["tag"]
        if tag.startswith("/") != bool(opened) or (opened and tag != f"/{opened}"):
            raise ModelOutputInvalid("the tags of phrases do not pair")
        if opened:
            phrases.append((piece.strip(), length + len(piece) - len(piece.lstrip()), opened == _DENIED))
        opened = "" if opened else tag
        pieces.append(piece)
        length += len(piece)
        at = match.end()
    if opened:
        raise ModelOutputInvalid("a phrase is not ended")
    if len(phrases) > MOST_PHRASES:
        raise ModelOutputInvalid(f"there are more than {MOST_PHRASES} phrases")
    return "".join(pieces) + text[at:], phrases


def _drawn(words: str, one: VividSet, *, denied: bool) -> Drawn:
    if denied:
        return Drawn(words)
    return Drawn(words, tuple(box(*corners) for corners in one.boxes), tuple(mask(m.rows, m.columns, m.runs) for m in one.masks))


def _within(sentence: Sentence, starts: Sequence[int], drawn: Sequence[Drawn]) -> Iterator[Drawn]:
    return (one for start, one in zip(starts, drawn, strict=True) if sentence.start <= start < sentence.end)
