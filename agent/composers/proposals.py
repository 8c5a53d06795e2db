"""A claim before it has its number."""

from __future__ import annotations

from dataclasses import dataclass

from fhir.codes import Side
from policies.claim import Claim, ClaimKind
from policies.evidence import Polarity
from policies.guidance_pack import Weight


@dataclass(frozen=True, slots=True)
class Proposal:
    """One sentence a composer would say. `weight` decides its place; the rest is the claim's."""

    text: str
    kind: ClaimKind
    weight: Weight
    evidence: tuple[str, ...]
    polarity: Polarity = "present"
    finding: str | None = None
    side: Side | None = None
    topic: str | None = None
    guidance: str | None = None

    def claim(self, number: int) -> Claim:
        """The claim with id `C<number>`."""
        return Claim(
            id=f"C{number}",
            text=self.text,
            kind=self.kind,
            polarity=self.polarity,
            evidence=self.evidence,
            finding=self.finding,
            side=self.side,
            topic=self.topic,
            guidance=self.guidance,
        )
