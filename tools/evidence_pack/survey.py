"""Every fact of a chart that a review may use, weighed for what it asks about, without keeping any of them parsed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fhir.chart import Chart, Fact
from fhir.index import index_of
from fhir.time import When
from fhir.views import clinical_status, quantity, status, usable, when
from tools.evidence_pack.links import links_of
from tools.evidence_pack.relevance import ACTIVE, BETWEEN, TIED, TURNING, Part, Scale, total
from tools.evidence_pack.series import Point, turning_points
from tools.evidence_pack.tokens import TokenCounter
from tools.medications import ACTIVE as TAKEN
from tools.orders import OPEN
from tools.problems import PRESENT

TOOLS: Mapping[str, str] = {
    "Condition": "past problems",
    "MedicationRequest": "past medications",
    "MedicationStatement": "past medications",
    "MedicationAdministration": "past medications",
    "AllergyIntolerance": "past allergies",
    "ServiceRequest": "past orders",
    "Procedure": "procedures",
    "Device": "devices",
    "Observation": "results",
    "DiagnosticReport": "reports",
    "DocumentReference": "documents",
    "ImagingStudy": "studies",
    "Encounter": "encounters",
    "Immunization": "immunisations",
    "CarePlan": "care plans",
    "Goal": "goals",
    "FamilyMemberHistory": "family history",
    "Flag": "flags",
}
"""Resource types a pack may draw on, and what their facts are counted as. Bills and the people who treat are none of them."""

RESULTS_BETWEEN = "results between turning points"
_OVERHEAD = 16
"""Tokens of an item's line besides the name of its concept, roughly: only the order of a pack depends on it, never its size."""
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Weighed:
    """One usable fact: what it is counted as, what speaks for it, when it was, and roughly what it costs."""

    fact: Fact
    tool: str
    parts: tuple[Part, ...]
    moment: When | None
    size: int

    @property
    def score(self) -> float:
        """The sum of its parts."""
        return total(self.parts)


def survey(chart: Chart, scale: Scale, count: TokenCounter) -> dict[str, Weighed]:
    """Reference -> every usable fact up to the moment asked about, by type, newest first, undated last, whatever the chart's order."""
    found: dict[str, Weighed] = {}
    look = _Look(chart, scale)
    for resource_type, tool in TOOLS.items():
        weighed = [
            one
            for concept, facts in index_of(chart).concepts(resource_type).items()
            for one in _weighed(tool, scale.of_concept(concept), _OVERHEAD + count(concept[1]), look.at(facts))
        ]
        weighed.sort(key=lambda one: _place(one.moment, one.fact), reverse=True)
        found.update((one.fact.reference, one) for one in weighed)
    return found


def _weighed(tool: str, about: tuple[Part, ...], size: int, looked: list[_Looked]) -> Iterator[Weighed]:
    """Facts of one concept, `looked` newest first. Of a series of results what lies between its turning points counts for less."""
    if tool != "results":
        yield from (Weighed(each.fact, tool, (*about, *each.parts), each.moment, size) for each in looked)
        return
    points = turning_points([each.point for each in looked])
    for position, each in enumerate(looked):
        turns, parts = position in points, (*about, *each.parts)
        course = ("turning point of its series", TURNING) if turns else ("between turning points", (BETWEEN - 1) * total(parts))
        yield Weighed(each.fact, tool if turns else RESULTS_BETWEEN, (*parts, course), each.moment, size)


@dataclass(frozen=True, slots=True)
class _Looked:
    fact: Fact
    moment: When | None
    parts: tuple[Part, ...]
    point: Point


class _Look:
    """Looks at facts one by one, at copies that are let go: a chart of 50,000 facts is not held parsed."""

    def __init__(self, chart: Chart, scale: Scale) -> None:
        self._chart, self._scale, self._anchors = chart, scale, scale.focus.anchors
        self._ids = tuple(sorted({reference.partition("/")[2].encode() for reference in self._anchors} - {b""}))

    def at(self, facts: tuple[Fact, ...]) -> list[_Looked]:
        """Those of `facts` that may be used and do not lie after the moment asked about, newest first, undated last."""
        looked = [each for fact in facts if (each := self._at(fact)) is not None]
        looked.sort(key=lambda each: _place(each.moment, each.fact), reverse=True)
        return looked

    def _at(self, fact: Fact) -> _Looked | None:
        aside = fact if "body" in vars(fact) else Fact(fact.resource_type, fact.id, fact.raw, fact.version)
        _ = aside.body  # read once, instead of element by element by each of the views below
        moment = when(aside)
        if not usable(aside) or (moment is not None and moment.earliest > self._scale.focus.as_of):
            return None
        parts = self._scale.recency(fact.resource_type, moment)
        parts += (("active", ACTIVE),) if _active(aside) else ()
        parts += (("tied to the order or the study", TIED),) if self._tied(aside) else ()
        return _Looked(fact, moment, parts, _point(aside))

    def _tied(self, fact: Fact) -> bool:
        """Whether it is one of the anchors or points at one. A text that holds no anchor's id is not searched for references."""
        if fact.reference in self._anchors:
            return True
        named = any(known in fact.raw for known in self._ids)
        return named and not self._anchors.isdisjoint(links_of(fact, self._chart))


def _point(fact: Fact) -> Point:
    found = quantity(fact) if fact.resource_type == "Observation" else None
    return (None, "") if found is None else (found.value, found.code or found.unit)


def _active(fact: Fact) -> bool:
    if fact.resource_type == "Condition":
        return clinical_status(fact) in PRESENT
    if fact.resource_type in ("MedicationRequest", "MedicationStatement"):
        return status(fact) in TAKEN
    return fact.resource_type in ("ServiceRequest", "CarePlan", "Goal", "Flag", "Device") and status(fact) in OPEN


def _place(moment: When | None, fact: Fact) -> tuple[datetime, str]:
    return _NEVER if moment is None else moment.earliest, fact.reference
