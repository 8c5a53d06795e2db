"""Which facts of a chart point at each other: what a visit was for, what a medicine is given for, what a plan addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fhir.chart import Chart, Fact
from fhir.views import member

LINKS: dict[str, tuple[str, ...]] = {
    "Encounter": ("diagnosis.condition", "reasonReference"),
    "MedicationRequest": ("reasonReference", "encounter"),
    "MedicationStatement": ("reasonReference", "context"),
    "Condition": ("evidence.detail", "encounter"),
    "CarePlan": ("addresses",),
    "Goal": ("addresses",),
    "Procedure": ("reasonReference", "encounter"),
    "ServiceRequest": ("reasonReference", "supportingInfo", "encounter"),
    "ImagingStudy": ("basedOn", "reasonReference", "encounter"),
    "DiagnosticReport": ("basedOn", "imagingStudy", "encounter"),
    "Observation": ("basedOn", "encounter"),
}
"""Elements of FHIR R4 that tie one fact to another, each a Reference or a list of them."""


def links_of(fact: Fact, chart: Chart) -> frozenset[str]:
    """The references `fact` points at, as the chart names them. A dangling one stays as it stands and meets nothing."""
    paths = LINKS.get(fact.resource_type, ())
    return frozenset(chart.resolve(reference) for path in paths for reference in _references(fact.body, path.split(".")))


def anchors_of(chart: Chart, roots: Iterable[str]) -> frozenset[str]:
    """`roots` (references) and what they point at: an order leads to its visit and its reason, the visit to its diagnoses."""
    found: dict[str, None] = {}
    waiting = list(roots)
    for _ in range(2):
        facts = [fact for reference in waiting if (fact := chart.get(reference)) is not None]
        found.update(dict.fromkeys(waiting))
        waiting = sorted({reference for fact in facts for reference in links_of(fact, chart)} - set(found))
    return frozenset((*found, *waiting))


def _references(value: Any, path: list[str]) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _references(one, path)
    elif path:
        yield from _references(member(value, path[0]), path[1:])
    elif isinstance(reference := member(value, "reference"), str):
        yield reference
