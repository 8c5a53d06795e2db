"""Allergies and intolerances, severe ones first."""

from __future__ import annotations

from datetime import datetime

from fhir.chart import Chart, Fact
from fhir.views import clinical_status, objects
from policies.evidence import Sourced
from tools.selection import newest_first, told

_RANK = {"severe": 0, "moderate": 1, "mild": 2}


def look_up(chart: Chart, patient: str, as_of: datetime, most: int = 15) -> tuple[Sourced, ...]:
    """AllergyIntolerances that are not inactive or resolved: severe reactions and high criticality first, at most `most`."""
    return told(held(chart, as_of)[:most], patient)


def held(chart: Chart, as_of: datetime) -> tuple[Fact, ...]:
    """The facts of `look_up`, all of them."""
    facts = newest_first(chart, ("AllergyIntolerance",), as_of)
    return tuple(sorted((fact for fact in facts if clinical_status(fact) not in {"inactive", "resolved"}), key=_severity))


def _severity(fact: Fact) -> int:
    ranks = [_RANK.get(str(reaction.get("severity")), 3) for reaction in objects(fact.body.get("reaction"))]
    return 0 if fact.body.get("criticality") == "high" else min(ranks, default=3)
