"""The events of a review while it runs (Server-Sent Events at /api/reviews/ID/events; `id` counts from 1, so a cut stream goes on).

Event name -> data: `step` StepEvent, `banner` PatientView, `review` ReviewView (once, the last but `ended`), `failed` Problem,
`ended` EndedEvent. A review that was shown stays readable until its session ends; then `ended` comes, and the page blanks.
"""

from __future__ import annotations

from typing import Literal

from policies.evidence import Frozen

StepName = Literal["bind", "chart", "study", "read", "retrieve", "gather", "draft", "ground", "guard", "present", "record"]
EndReason = Literal["another_launch", "session_over", "signed_out", "expired", "cancelled", "shutdown"]


class StepEvent(Frozen):
    """A step of the review began or ended."""

    step: StepName
    state: Literal["start", "done"]
    ms: float | None = None
    """Wall milliseconds, when done."""


class EndedEvent(Frozen):
    """Nothing more comes, and nothing from before is to be shown any longer."""

    reason: EndReason
    words: str
