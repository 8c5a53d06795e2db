"""A follow-up question on the same evidence, and its answer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from policies.evidence import Frozen
from sidenote.web.wire.view import CardView, EvidenceView, WithheldView


class QuestionAsked(Frozen):
    """One question in a person's words."""

    text: str = Field(min_length=1, max_length=1_000)


class AnswerView(Frozen):
    """What the snapshot of the review holds on a question. Nothing is asked of the EHR again."""

    question: str
    outcome: Literal["answered", "quoted", "nothing", "withheld"]
    """`answered`: with sentences; `quoted`: with evidence alone; `nothing`: nothing in the evidence bears on it."""
    words: str
    """How to take it, in one or two sentences."""
    cards: tuple[CardView, ...]
    withheld: tuple[WithheldView, ...]
    evidence: tuple[EvidenceView, ...]
    """Numbered as in the review where the review has it, else further on."""
