"""What a piece of evidence costs a language model, counted without that model's tokenizer.

The estimate is on the high side on purpose, since a budget has to hold whichever model is asked: every digit, mark and symbol is
a token, a word is one for every two letters, an abbreviation one for every letter, other scripts one for every byte of UTF-8. On
the kit's texts it is never under the WordPiece count of all-MiniLM-L6-v2, and in the median 1.8 times of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from policies.evidence import Sourced

TokenCounter = Callable[[str], int]
"""Tokens of a text. A tokenizer's own count fits, as long as two texts together never count more than each by itself."""

WIDEST = "E99999"
"""A number no evidence item is wider than: an item's cost does not depend on where in the pack it stands."""

_PIECE = re.compile(r"[A-Za-z]+|\S", re.ASCII)
_SOURCE = re.compile("[/:]")


def estimated(text: str) -> int:
    """Tokens of `text`, estimated on the high side. Spaces and line ends are free.

    >>> estimated("eGFR 24 mL/min")
    9
    """
    return sum(map(_piece, _PIECE.findall(text)))


def _piece(piece: str) -> int:
    if not piece.isascii():
        return len(piece.encode("utf-8", "surrogatepass"))
    letters = len(piece)
    abbreviation = piece.isupper() or not set(piece.lower()) & set("aeiouy")
    return letters if abbreviation else (letters + 1) // 2


def prompt_line(item: Sourced, number: str) -> str:
    """How a prompt shows an item: its number, kind, source and date, then its text.

    Of a FHIR reference only the resource type stands there: a model cites numbers, the id would cost more than the fact, and an id
    it has never seen is one it cannot borrow.
    """
    source = item.reference if item.kind == "guidance" else _SOURCE.split(item.reference)[0]
    told = [word for word in ((item.when or "")[:10], item.status) if word and word not in item.text]
    return f"{number} [{', '.join((item.kind.replace('_', ' '), source, *told))}] {item.text}\n"


def cost(item: Sourced, count: TokenCounter) -> int:
    """Tokens of an item's line in a prompt, whatever its number."""
    return count(prompt_line(item, WIDEST))
