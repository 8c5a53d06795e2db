"""Grounding: every claim is checked against the evidence it cites, by rules that compare what can be compared.

A claim is supported only when no check has anything against it. What fails is withheld with its reason, never retried into shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from policies.claim import Check, Claim, Verdict
from policies.evidence import Evidence
from policies.grounding.checks import (
    carries,
    citation_exists,
    dates,
    identifiers,
    laterality,
    names_and_terms,
    negation,
    no_foreign_links,
    numbers,
    right_patient,
    status,
)
from policies.grounding.checks.weighing import worst

__all__ = ["CHECKS", "ground"]


class GroundingCheck(Protocol):
    """One check of a claim against the items it cites."""

    def __call__(self, claim: Claim, cited: tuple[Evidence, ...], patient: str) -> Check:
        """Weigh `claim` against `cited`, evidence of this run; `patient` is the reference of the bound patient."""
        ...


CHECKS: Final[tuple[GroundingCheck, ...]] = (
    citation_exists.check,
    right_patient.check,
    carries.check,
    numbers.check,
    dates.check,
    status.check,
    negation.check,
    laterality.check,
    names_and_terms.check,
    no_foreign_links.check,
    identifiers.check,
)
"""Every check, in the order a verdict lists them."""


def ground(claim: Claim, evidence: Mapping[str, Evidence], *, patient: str) -> Verdict:
    """Check `claim` against the items of `evidence` (by id, as minted in this run) it cites.

    The verdict is the worst of the checks: contradicted, unsupported, cannot_tell, supported. `patient` is the reference of the
    patient the run is bound to.
    """
    cited = tuple(evidence[identifier] for identifier in dict.fromkeys(claim.evidence) if identifier in evidence)
    checks = tuple(check(claim, cited, patient) for check in CHECKS)
    return Verdict(claim=claim.id, outcome=worst(check.outcome for check in checks), checks=checks)
