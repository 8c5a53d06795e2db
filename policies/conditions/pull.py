"""`manifest`: part of the record was not available.

    manifest: {incomplete: [Condition, Observation, MedicationRequest]}

Yes when the pull of any type was refused, truncated or failed; cannot tell when one of the types named, which a review
needs, was never asked for.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from policies.case import PolicyCase
from policies.conditions.answer import Answer
from policies.conditions.base import Spec
from policies.outcome import Basis


class ManifestSays(Spec):
    """Some pull did not end complete; the resource types named must at least have been asked for."""

    kind: Literal["manifest"] = "manifest"
    incomplete: tuple[str, ...] = Field(min_length=1)


def evaluate(spec: ManifestSays, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`."""
    manifest = case.chart.manifest
    names = dict.fromkeys((*spec.incomplete, *(name for name in manifest.incomplete if manifest.state(name) != "not asked")))
    states = [(name, manifest.state(name)) for name in names]
    lost = [(name, state) for name, state in states if state not in ("complete", "not asked")]
    unasked = [(name, state) for name, state in states if state == "not asked"]
    chosen = lost or unasked
    if not chosen:
        return Answer(False, (Basis(reference="manifest", detail="every resource type the rule names was pulled whole"),))
    return Answer(True if lost else None, tuple(Basis(reference="manifest", detail=f"{name}: {state}") for name, state in chosen))
