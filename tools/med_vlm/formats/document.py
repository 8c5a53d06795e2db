"""The report that every form of writing becomes: sentences, and what the model drew for each."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from tools.med_vlm.errors import ModelOutputInvalid
from tools.med_vlm.reading import Mask

MOST_CHARACTERS: Final = 20_000
"""Of written words, five times what is asked for. What is longer is refused before anything looks into it."""
MOST_SENTENCES: Final = 64
"""Of a report; the longest of 2,949 chest radiograph reports (Indiana University) has under thirty."""
LONGEST_SENTENCE: Final = 600
"""Characters, as `policies.grounding.prose.LONGEST`: reading a sentence takes time with the cube of its length."""
MOST_BOXES: Final = 32
"""For one sentence."""
MOST_PIXELS: Final = 4096 * 4096
"""Of a mask."""
MOST_REPEATS: Final = 3
"""Times that one sentence may stand in a report: what stands there more often comes from a model that goes round in circles."""
_MANY_WORDS, _SAME_WORDS = 20, 4
"""A sentence of at least twenty words in which the average word stands more than four times is such a circle too."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The image that boxes are drawn on: pixels of the focal image as it was handed to the back end."""

    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Box:
    """A box in fractions of the image's width and height, origin top left. `score`: the model's own, where it gives one."""

    x0: float
    y0: float
    x1: float
    y1: float
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the model drew for some words of a sentence, or for all of them. Several boxes: seen in several places."""

    words: str
    boxes: tuple[Box, ...] = ()
    masks: tuple[Mask, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """One sentence."""

    text: str
    drawn: tuple[Drawn, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a model wrote of a study."""

    sentences: tuple[Told, ...]
    comparison: tuple[str, ...] = ()
    """What it says of the prior image, apart from the findings."""
    quality: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What was mended or left out, in words."""

    @property
    def text(self) -> str:
        """Its sentences as one text, each on a line of its own."""
        return "\n".join(one.text for one in self.sentences)


def bounded(text: str, most: int = MOST_CHARACTERS) -> str:
    """`text` itself.

    Raises:
        ModelOutputInvalid: it is longer than `most` characters.
    """
    if len(text) > most:
        raise ModelOutputInvalid(f"it is longer than {most} characters")
    return text


def clean(text: str) -> str:
    """`text` on one line without characters that are not seen: they hide words from a reader, or from a rule."""
    spaced = (" " if character.isspace() else character for character in text)
    return " ".join("".join(one for one in spaced if unicodedata.category(one)[0] != "C").split())


def told(text: str, drawn: Sequence[Drawn] = ()) -> Told:
    """A sentence.

    Raises:
        ModelOutputInvalid: it holds no letter or digit, is longer than `LONGEST_SENTENCE`, or goes round in circles.
    """
    said = clean(text[: 4 * LONGEST_SENTENCE])
    if not any(character.isalnum() for character in said):
        raise ModelOutputInvalid("a sentence is empty")
    if len(said) > LONGEST_SENTENCE or text[4 * LONGEST_SENTENCE :].strip():  # a sentence without its end may say the opposite
        raise ModelOutputInvalid(f"a sentence is longer than {LONGEST_SENTENCE} characters")
    words = said.lower().split()
    if len(words) >= _MANY_WORDS and len(words) > _SAME_WORDS * len(set(words)):
        raise ModelOutputInvalid("a sentence repeats the same words over and over")
    return Told(said, tuple(drawn))


def report(sentences: Sequence[Told], *, comparison: Sequence[str] = (), quality: Sequence[str] = (), notes: Sequence[str] = ()) -> Report:
    """A report; a sentence that stands there again word for word is left out, and noted.

    Raises:
        ModelOutputInvalid: there is no sentence, there are more than `MOST_SENTENCES` different ones, or one stands there more than
            `MOST_REPEATS` times.
    """
    counted = Counter(sentences)
    different = tuple(counted)
    if any(times > MOST_REPEATS for times in counted.values()):
        raise ModelOutputInvalid("a sentence is repeated over and over")
    if not different:
        raise ModelOutputInvalid("there is no sentence")
    if len(different) > MOST_SENTENCES:
        raise ModelOutputInvalid(f"there are more than {MOST_SENTENCES} sentences")
    again = len(sentences) - len(different)
    repeated = (f"{again} repeated {'sentence' if again == 1 else 'sentences'} left out",) if again else ()
    return Report(different, tuple(comparison), tuple(quality), (*notes, *repeated))


def box(x0: float, y0: float, x1: float, y1: float, score: float | None = None) -> Box:
    """A box; corners that lie the wrong way round are not turned, since one of them is then not where the model meant it.

    Raises:
        ModelOutputInvalid: a corner is outside 0..1, the corners are not in order, the box has no area, or the score is outside 0..1.
    """
    corners = (x0, y0, x1, y1)
    if not all(isfinite(one) and 0 <= one <= 1 for one in corners):
        raise ModelOutputInvalid("a box lies outside the image")
    if x1 <= x0 or y1 <= y0:
        raise ModelOutputInvalid("the corners of a box are not in order")
    if score is not None and not (0 <= score <= 1):
        raise ModelOutputInvalid("the score of a box is not within 0 to 1")
    return Box(x0, y0, x1, y1, score)


def mask(rows: int, columns: int, runs: Sequence[int]) -> Mask:
    """A mask from its run lengths: outside first, then in turn, row by row.

    Raises:
        ModelOutputInvalid: it is empty or larger than `MOST_PIXELS`, a run is negative, or they do not add up to its pixels.
    """
    if rows < 1 or columns < 1 or rows * columns > MOST_PIXELS:
        raise ModelOutputInvalid("a mask has no pixels, or too many")
    if any(one < 0 for one in runs) or sum(runs) != rows * columns:
        raise ModelOutputInvalid("the runs of a mask do not fill it")
    return Mask(rows=rows, columns=columns, runs=tuple(runs))
