"""The chart as conditions read it: facts by value set, each distinct concept looked at once.

A chart of 5,000 facts holds a few hundred distinct concepts, so a value set is matched against those and not against
every fact; and a resource type that no condition asks for is never parsed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fhir.chart import Chart, Fact
from fhir.value_sets import VALUE_SETS, Coding, codings_of, text_of
from fhir.views import objects, obscured, usable

_CODE_KEYS = ("code", "medicationCodeableConcept", "type", "vaccineCode")
_ORDER_KEYS = ("code", "orderDetail", "bodySite")
_Concept = tuple[frozenset[Coding], str]


class ChartIndex:
    """Facts of one chart by value set. Lazy: built for a resource type when it is first asked for."""

    def __init__(self, chart: Chart) -> None:
        """Keep the chart; nothing is parsed yet."""
        self._chart = chart
        self._concepts: dict[str, dict[_Concept, list[Fact]]] = {}
        self._read: dict[str, _Concept] = {}
        self._matches: dict[tuple[str, str], tuple[Fact, ...]] = {}

    def matching(self, value_set: str, resource_type: str) -> tuple[Fact, ...]:
        """Usable facts of the type whose concept is of the value set, in the chart's order."""
        return tuple(filter(usable, self._named_so(value_set, resource_type)))

    def obscured(self, value_set: str, resource_type: str) -> tuple[Fact, ...]:
        """Facts of the value set that a modifier of unknown meaning keeps from use: neither there nor ruled out."""
        return tuple(filter(obscured, self._named_so(value_set, resource_type)))

    def _named_so(self, value_set: str, resource_type: str) -> tuple[Fact, ...]:
        key = (value_set, resource_type)
        if key not in self._matches:
            chosen = VALUE_SETS[value_set]
            self._matches[key] = tuple(
                fact
                for (codings, text), facts in self._of(resource_type).items()
                if chosen.matches_codings(codings) or chosen.matches_text(text)
                for fact in facts
            )
        return self._matches[key]

    def usable(self, resource_type: str) -> tuple[Fact, ...]:
        """Every usable fact of the type."""
        return tuple(fact for fact in self._chart.of_type(resource_type) if usable(fact))

    def nameless(self, resource_type: str) -> tuple[Fact, ...]:
        """Usable facts that do not say what they are: neither code nor text could be read."""
        return tuple(fact for fact in self._of(resource_type).get((frozenset(), ""), ()) if usable(fact))

    def _of(self, resource_type: str) -> dict[_Concept, list[Fact]]:
        if resource_type not in self._concepts:
            grouped: dict[_Concept, list[Fact]] = {}
            for fact in self._chart.of_type(resource_type):
                grouped.setdefault(self._concept(fact), []).append(fact)
            self._concepts[resource_type] = grouped
        return self._concepts[resource_type]

    def _concept(self, fact: Fact) -> _Concept:
        named = self._named(fact)
        key = repr(named)
        if key not in self._read:
            parts = [part for value in named for part in concepts(value)]
            texts = dict.fromkeys(filter(None, map(text_of, parts)))
            self._read[key] = frozenset(c for part in parts for c in codings_of(part)), "; ".join(texts)
        return self._read[key]

    def _named(self, fact: Fact) -> list[object]:
        """The elements that say what the fact is, as they stand in the resource."""
        body = fact.body
        named = [body[key] for key in (_ORDER_KEYS if fact.resource_type == "ServiceRequest" else _CODE_KEYS) if key in body]
        reference = body.get("medicationReference")
        if isinstance(reference, Mapping):
            named += self._medication(fact, reference)
        if fact.resource_type == "AllergyIntolerance":
            named += [reaction.get("substance") for reaction in objects(body.get("reaction"))]
        if fact.resource_type == "Device":
            named += [{"text": name.get("name")} for name in objects(body.get("deviceName"))]
        return named

    def _medication(self, fact: Fact, reference: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """A referenced Medication: contained, in the chart, or at least the reference's display."""
        if isinstance(reference.get("display"), str):
            yield {"text": reference["display"]}
        target = reference.get("reference")
        if not isinstance(target, str):
            return
        for inner in objects(fact.body.get("contained")):
            if f"#{inner.get('id')}" == target:
                yield from concepts(inner.get("code"))
        found = self._chart.get(target)
        if found is not None:
            yield from concepts(found.body.get("code"))


def concepts(value: object) -> list[Mapping[str, Any]]:
    """CodeableConcepts where FHIR allows one or many."""
    return [value] if isinstance(value, Mapping) else list(objects(value))


def code_values(value: object) -> set[str]:
    """The codes of a status concept such as `clinicalStatus`, whatever the system; a plain string is one code."""
    if isinstance(value, str):
        return {value}
    return {coding["code"] for part in concepts(value) for coding in objects(part.get("coding")) if isinstance(coding.get("code"), str)}
