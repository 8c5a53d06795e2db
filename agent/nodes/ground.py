"""ground: every claim is checked against its evidence. What fails is dropped with its reason, never retried into shape."""

from __future__ import annotations

from policies.claim import Claim, Verdict
from policies.evidence import Evidence
from policies.grounding import ground


def ground_all(claims: tuple[Claim, ...], evidence: tuple[Evidence, ...], patient: str) -> tuple[Verdict, ...]:
    """A verdict per claim, in their order. Evidence is looked up among this run's items only."""
    numbered = {item.id: item for item in evidence}
    return tuple(ground(claim, numbered, patient=patient) for claim in claims)


def supported(claims: tuple[Claim, ...], verdicts: tuple[Verdict, ...]) -> tuple[Claim, ...]:
    """The claims whose verdict is `supported`."""
    held = {verdict.claim for verdict in verdicts if verdict.outcome == "supported"}
    return tuple(claim for claim in claims if claim.id in held)
