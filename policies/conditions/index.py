"""The chart as conditions read it: facts by value set.

A chart of 5,000 facts holds a few hundred distinct concepts, so a value set is matched against those and not against
every fact (`fhir.index`); and a resource type that no condition asks for is never looked over.
"""

from __future__ import annotations

from fhir.chart import Chart, Fact
from fhir.index import concepts, index_of
from fhir.views import objects, obscured, usable

__all__ = ["ChartIndex", "code_values", "concepts"]


class ChartIndex:
    """Facts of one chart by value set. It costs nothing to make: what was looked up once is kept with the chart (`fhir.index`)."""

    def __init__(self, chart: Chart) -> None:
        """Keep the chart; nothing is parsed yet."""
        self._chart = chart

    def matching(self, value_set: str, resource_type: str) -> tuple[Fact, ...]:
        """Usable facts of the type whose concept is of the value set, in the chart's order."""
        return tuple(filter(usable, index_of(self._chart).in_value_set(value_set, resource_type)))

    def obscured(self, value_set: str, resource_type: str) -> tuple[Fact, ...]:
        """Facts of the value set that a modifier of unknown meaning keeps from use: neither there nor ruled out."""
        return tuple(filter(obscured, index_of(self._chart).in_value_set(value_set, resource_type)))

    def usable(self, resource_type: str) -> tuple[Fact, ...]:
        """Every usable fact of the type."""
        return tuple(fact for fact in self._chart.of_type(resource_type) if usable(fact))

    def nameless(self, resource_type: str) -> tuple[Fact, ...]:
        """Usable facts that do not say what they are: neither code nor text could be read."""
        return tuple(fact for fact in index_of(self._chart).concepts(resource_type).get((frozenset(), ""), ()) if usable(fact))


def code_values(value: object) -> set[str]:
    """The codes of a status concept such as `clinicalStatus`, whatever the system; a plain string is one code."""
    if isinstance(value, str):
        return {value}
    return {coding["code"] for part in concepts(value) for coding in objects(part.get("coding")) if isinstance(coding.get("code"), str)}
