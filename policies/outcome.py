"""What a policy answers, and what a review ends as."""

from __future__ import annotations

from typing import Literal

from policies.evidence import Frozen

Action = Literal["block", "review", "escalate", "redact", "warn", "annotate"]
Fired = Literal["fired", "clear", "cannot_tell"]
Status = Literal["presented", "needs_review", "withheld", "abstained"]

Scope = Literal["review", "claims", "image"]
"""What an action falls on: the whole review, the claims a rule concerns, or the claims that rest on an image."""

STRICTNESS: tuple[Action, ...] = ("block", "escalate", "review", "redact", "warn", "annotate")
"""Strictest first. The strictest action among the fired rules decides the status of a review."""


class Basis(Frozen):
    """What a rule looked at to answer: a reference into the chart and what it read there."""

    reference: str
    detail: str


class PolicyOutcome(Frozen):
    """One policy's answer on one review."""

    id: str
    version: str
    title: str
    outcome: Fired
    action: Action
    """What it does when fired; for `cannot_tell` the action named by the rule's `unknown` key."""
    message: str
    """What a clinician reads; empty when clear."""
    basis: tuple[Basis, ...] = ()
    claims: tuple[str, ...] = ()
    """Ids of the claims it concerns; empty means the whole review."""
    source: str = ""
    scope: Scope = "review"
    rest: Action | None = None
    """What a narrower scope than the review leaves for the rest of it, e.g. `review` for a child's text-only review."""
