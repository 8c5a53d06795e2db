"""One JSON object: sentences, each with boxes in a unit that the object names. A number of another unit is refused, never guessed at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.med_vlm.errors import ModelOutputInvalid
from tools.med_vlm.formats.document import MOST_BOXES, Box, Drawn, Frame, Report, Told, bounded, box, report, told

Unit = Literal["thousandths", "fractions"]
"""Whole numbers 0..1000, or numbers 0..1, of the image's width and height."""
MOST_WRITTEN: Final = 100_000
"""Characters of the object: as many as the most sentences with the most boxes could need, about."""
_WHOLE: Final = 1000
_MOST_DEPTH: Final = 16
"""Brackets within one another: the form needs five."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)


Number = Annotated[int | float, Field(ge=0, le=_WHOLE, allow_inf_nan=False)]


class StructuredFinding(_Strict):
    """One sentence and where in the image it is seen."""

    sentence: str
    boxes: list[tuple[Number, Number, Number, Number]] = Field([], max_length=MOST_BOXES)
    """x0, y0, x1, y1."""


class StructuredReport(_Strict):
    """The object a model is asked for. Other keys are not looked at."""

    unit: Unit | None = None
    """Of all coordinates; needed as soon as there is a box."""
    findings: list[StructuredFinding]
    comparison: str = ""
    quality: str = ""


def parse(text: str, frame: Frame) -> Report:  # coordinates are relative, so the frame is not asked
    """The report.

    Raises:
        ModelOutputInvalid: it is too long, is no JSON object of the form `StructuredReport`, or a coordinate is not of its unit.
    """
    try:
        made = StructuredReport.model_validate_json(bounded(text, MOST_WRITTEN))
    except ValidationError as error:
        raise ModelOutputInvalid(_reason(error)) from None
    sentences = [_told(one, made.unit) for one in made.findings]
    return report(sentences, comparison=_words(made.comparison), quality=_words(made.quality))


def mend(text: str) -> tuple[str, tuple[str, ...]]:
    """The first JSON object in `text`, closed where it was cut off; and what was done, in words."""
    start = text.find("{")
    if start < 0:
        return text, ()
    whole = _closed(text[start:])
    if text[start:].startswith(whole):
        return whole, ("words around the answer were left out",)
    return whole, ("the answer was cut off; what was not whole was left out",)


def _reason(error: ValidationError) -> str:
    """Where the first fault is and of what kind, in this schema's words: the model's own never come into it."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return "it is not a whole JSON object"
    place = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or part in _NAMES)
    return f"{place or 'the object'} is missing or not of the form asked for"


_NAMES: Final = frozenset({*StructuredReport.model_fields, *StructuredFinding.model_fields})


def _words(text: str) -> tuple[str, ...]:
    return (told(text).text,) if text.strip() else ()


def _told(one: StructuredFinding, unit: Unit | None) -> Told:
    boxes = tuple(_box(corners, unit) for corners in one.boxes)
    return told(one.sentence, (Drawn(one.sentence, boxes),) if boxes else ())


def _box(corners: tuple[float, float, float, float], unit: Unit | None) -> Box:
    if unit is None:
        raise ModelOutputInvalid("there is a box, and no unit")
    if unit == "thousandths":
        if not all(isinstance(one, int) for one in corners):
            raise ModelOutputInvalid("a coordinate in thousandths is not a whole number")
        corners = (corners[0] / _WHOLE, corners[1] / _WHOLE, corners[2] / _WHOLE, corners[3] / _WHOLE)
    return box(*corners)


_MARK: Final = re.compile(r'["{}\[\]\\]')


def _closed(text: str) -> str:
    """The object that `text` begins with, or as much of it as is whole, closed. Takes one look at each character."""
    open_brackets: list[str] = []
    safe, closing = 0, ""
    for at, mark in _marks(text):
        if mark in "{[":
            open_brackets.append("}" if mark == "{" else "]")
        elif not open_brackets or open_brackets.pop() != mark:
            break
        else:
            safe, closing = at + 1, "".join(reversed(open_brackets))
        if not open_brackets or len(open_brackets) > _MOST_DEPTH:
            break
    return text[:safe] + closing


def _marks(text: str) -> Iterator[tuple[int, str]]:
    """Brackets outside of strings, with their places."""
    at, quoted = 0, False
    while match := _MARK.search(text, at):
        at = match.end()
        if match[0] == "\\":
            at += 1 if quoted else 0
        elif match[0] == '"':
            quoted = not quoted
        elif not quoted:
            yield match.start(), match[0]
