"""What a model wrote, without the thoughts some write first."""

from __future__ import annotations

import re

_ANSWER = re.compile(r"<answer>(.*?)(?:</answer>|$)", re.DOTALL)
_OPEN, _CLOSED = "<think>", "</think>"


def spoken(text: str) -> str | None:
    """The answer of a text of the form `<think>…</think><answer>…</answer>` (MedVLM-R1), or the text itself where it has neither tag.

    None: the thoughts never ended, so there is no answer.
    """
    _, closed, after = text.rpartition(_CLOSED)
    if not closed and _OPEN in text:
        return None
    said = after if closed else text
    found = _ANSWER.search(said)
    return (found[1] if found else said).strip()
