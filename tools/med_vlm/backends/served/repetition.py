"""Whether a text has begun to say the same for ever: how generative models most often go wrong."""

from __future__ import annotations

LOOKED_AT = 512
"""Characters of the end that are looked at."""
TIMES = 6
"""How often the same must stand there, end to end: a list of findings has like lines, and no six equal ones in a row."""


def repeats(text: str) -> bool:
    """Whether the last `LOOKED_AT` characters are one piece, `TIMES` times or more; False for a shorter text.

    >>> repeats("No pleural effusion. " * 40), repeats("no " * 20)
    (True, False)
    """
    end = text[-LOOKED_AT:]
    return len(end) == LOOKED_AT and _period(end) * TIMES <= LOOKED_AT


def _period(text: str) -> int:
    """The least distance by which a text matches itself (Knuth, Morris and Pratt 1977); linear in its length."""
    borders = [0]
    for character in text[1:]:
        border = borders[-1]
        while border and text[border] != character:
            border = borders[border - 1]
        borders.append(border + (text[border] == character))
    return len(text) - borders[-1]
