"""guard: every policy answers on what would be shown; the strictest action wins; in doubt nothing is shown.

A policy that blocks the whole review withholds it. One that blocks or redacts something narrower takes away the claims it
names. Any other action leaves the claims and decides the status (`policies.engine.status_of`). A review with nothing to show
abstains, unless an image was read and there was nothing to say. An image of the chart that could not be used never ends as
"presented": a person looks first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.nodes.study import Facts
from policies.case import PolicyCase
from policies.claim import Claim
from policies.engine import blocked_claims, decide, status_of
from policies.outcome import PolicyOutcome, Status
from policies.rule import Rule


@dataclass(frozen=True, slots=True)
class Guarded:
    """What the policies say, what is left to show, and how the review ends."""

    outcomes: tuple[PolicyOutcome, ...]
    shown: tuple[str, ...]
    """Ids of the claims that may be shown."""
    taken: tuple[tuple[str, str], ...]
    """(claim id, id of the policy that took it away), the first policy that did."""
    status: Status


def guard(case: PolicyCase, claims: tuple[Claim, ...], rules: tuple[Rule, ...], facts: Facts, *, dropped: int = 0) -> Guarded:
    """Ask every rule about `case` with `claims` (the supported ones), and take away what a rule takes away.

    `dropped` is the number of claims that grounding took away before.
    """
    outcomes = decide(replace(case, claims=claims), rules)
    taken = _taken(claims, outcomes)
    shown = tuple(claim.id for claim in claims if claim.id not in taken)
    status = status_of(outcomes, claims_shown=len(shown), abstained=dropped + len(taken) > 0 or not _was_read(case))
    if status == "withheld":
        taken = {claim.id: taken.get(claim.id) or _blocking(outcomes) for claim in claims}
        shown = ()
    if status == "presented" and facts.refused:
        status = "needs_review"
    return Guarded(outcomes, shown, tuple(taken.items()), status)


def _was_read(case: PolicyCase) -> bool:
    return case.reading is not None and case.reading.mode == "read"


def _taken(claims: tuple[Claim, ...], outcomes: tuple[PolicyOutcome, ...]) -> dict[str, str]:
    """Claim id -> the policy that takes it away, in the claims' order."""
    taken = {claim: outcome.id for claim, outcome in blocked_claims(outcomes).items()}
    for outcome in outcomes:
        if outcome.outcome != "clear" and outcome.action == "redact":
            taken.update({claim: taken.get(claim, outcome.id) for claim in outcome.claims})
    return {claim.id: taken[claim.id] for claim in claims if claim.id in taken}


def _blocking(outcomes: tuple[PolicyOutcome, ...]) -> str:
    """The policy that withholds the review."""
    blocks = (outcome.id for outcome in outcomes if outcome.outcome != "clear" and outcome.action == "block" and outcome.scope == "review")
    return next(blocks, "")
