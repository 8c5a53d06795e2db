"""Claims: single sentences with the evidence that carries each, and the verdict grounding gives them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fhir.codes import Side
from policies.evidence import Frozen, Polarity

ClaimKind = Literal["finding", "assessment", "recommendation", "caution"]
VerdictOutcome = Literal["supported", "contradicted", "unsupported", "cannot_tell"]


class Claim(Frozen):
    """One sentence. It says one thing, and every part of it that can be checked is in `evidence`."""

    id: str = Field(pattern=r"^C[1-9][0-9]*$")
    text: str
    kind: ClaimKind
    polarity: Polarity = "present"
    evidence: tuple[str, ...]
    """Ids of Evidence of this run."""
    finding: str | None = None
    """Key of `fhir.codes.FINDING` the sentence asserts or denies, when it does."""
    side: Side | None = None
    topic: str | None = None
    """What it proposes, for rules to fire on, e.g. `iv_iodinated_contrast`, `image_guided_biopsy`, `mri`."""
    guidance: str | None = None
    """Id of the guidance topic that produced it."""


class Check(Frozen):
    """One check of a claim against its evidence. `detail` says what was compared, in words a reader can follow."""

    name: str
    outcome: VerdictOutcome
    detail: str


class Verdict(Frozen):
    """What grounding says of a claim: the worst of its checks. Only `supported` claims are shown."""

    claim: str
    outcome: VerdictOutcome
    checks: tuple[Check, ...]
