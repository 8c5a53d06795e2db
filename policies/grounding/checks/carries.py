"""Whether the kinds of the cited evidence can carry the kind of claim (POLICIES G11; DESIGN 6: neighbours never carry a claim alone)."""

from __future__ import annotations

from typing import Final

from policies.claim import Check, Claim, VerdictOutcome
from policies.evidence import Evidence
from policies.grounding.checks.weighing import STATED_KINDS, about_patient, answer
from policies.grounding.stated import denies, stated_by

NAME: Final = "carries"
_IMAGING: Final = frozenset({"image_finding", "report_sentence"})
Problems = list[tuple[VerdictOutcome, str]]


def check(claim: Claim, cited: tuple[Evidence, ...], patient: str) -> Check:
    """Unsupported when the evidence is of a kind that cannot say what the claim says."""
    own = about_patient(cited)
    problems = [*_patient_rule(claim, cited, own), *_imaging_rule(claim, own), *_absence_rule(claim, own)]
    return answer(NAME, problems, f"a {claim.kind} carried by {', '.join(sorted({item.kind for item in cited})) or 'nothing'}")


def _patient_rule(claim: Claim, cited: tuple[Evidence, ...], own: tuple[Evidence, ...]) -> Problems:
    kinds = {item.kind for item in cited}
    if claim.kind in STATED_KINDS and not own:
        return [("unsupported", "what is said of this patient rests on no evidence about this patient")]
    if claim.kind == "caution" and not own and "guidance" not in kinds:
        return [("unsupported", "similar cases alone carry no caution")]
    if claim.kind != "recommendation":
        return []
    missing = [] if own else ["evidence about this patient"]
    missing += [] if "guidance" in kinds else ["guidance"]
    return [("unsupported", f"a recommendation needs {' and '.join(missing)}")] if missing else []


def _imaging_rule(claim: Claim, own: tuple[Evidence, ...]) -> Problems:
    if claim.finding is None or claim.kind not in STATED_KINDS:
        return []
    imaging = [item for item in own if item.kind in _IMAGING]
    if not imaging:
        return [("unsupported", "an imaging finding needs the image model's reading or a sentence of a report")]
    if not any(claim.finding == statement.finding for item in imaging for statement in stated_by(item)):
        return [("unsupported", f"no cited reading or report speaks of {claim.finding}")]
    return []


def _absence_rule(claim: Claim, own: tuple[Evidence, ...]) -> Problems:
    if claim.polarity != "absent" or claim.kind not in STATED_KINDS:
        return []
    if claim.finding is not None:
        said = {statement.polarity for item in own for statement in stated_by(item) if statement.finding == claim.finding}
        return [] if "absent" in said else [("unsupported", "no cited item says that it is absent")]
    return [] if any(denies(item) for item in own) else [("unsupported", "no cited item says that it is absent")]
