"""The facts of one chart by what they are about and by code, each distinct concept read once.

A chart of 10,000 facts holds a few hundred distinct concepts. To find them, each resource is looked over for the elements that
name it, and those are parsed once for each distinct text: no fact's body is parsed, or kept, to be found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fhir.chart import Chart, Fact
from fhir.jsontext import loads, outline
from fhir.references import followed
from fhir.value_sets import VALUE_SETS, Coding, codings_of, text_of
from fhir.views import newest_first, objects

Concept = tuple[frozenset[Coding], str]
"""What a fact is about: every (system, code) it is given, and its words (text and displays, joined by `; `)."""

_CODED = ("code", "medicationCodeableConcept", "type", "vaccineCode")
_REFERRED = ("medicationReference", "contained")
_NAMING: Mapping[str, tuple[str, ...]] = {
    "ServiceRequest": ("code", "orderDetail", "bodySite"),
    "AllergyIntolerance": (*_CODED, "reaction"),
    "Device": (*_CODED, "deviceName"),
    **dict.fromkeys(("MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense"), (*_CODED, *_REFERRED)),
}
"""Elements that say what a resource is about, where it is not one of `_CODED` alone."""


class FactIndex:
    """Facts of one chart by concept and by code. Lazy: a resource type is looked over when it is first asked for."""

    def __init__(self, chart: Chart) -> None:
        """Keep the chart; nothing is read yet."""
        self._chart = chart
        self._concepts: dict[str, Mapping[Concept, tuple[Fact, ...]]] = {}
        self._coded: dict[str, Mapping[Coding, tuple[Fact, ...]]] = {}
        self._in_value_set: dict[tuple[str, str], tuple[Fact, ...]] = {}
        self._newest: dict[tuple[str, Coding | None], tuple[Fact, ...]] = {}

    def concepts(self, resource_type: str) -> Mapping[Concept, tuple[Fact, ...]]:
        """Every distinct concept of the type with its facts, whatever their status, in the chart's order."""
        if resource_type not in self._concepts:
            self._concepts[resource_type] = self._grouped(resource_type)
        return self._concepts[resource_type]

    def coded(self, resource_type: str, system: str, code: str) -> tuple[Fact, ...]:
        """The facts of the type that carry a code, newest first, whatever their status: see `fhir.views.usable`."""
        key = (resource_type, (system, code))
        if key not in self._newest:
            self._newest[key] = newest_first(self._by_code(resource_type).get((system, code), ()))
        return self._newest[key]

    def in_value_set(self, name: str, resource_type: str) -> tuple[Fact, ...]:
        """The facts of the type whose concept is of a value set of `fhir.value_sets`, whatever their status, in the chart's order."""
        key = (name, resource_type)
        if key not in self._in_value_set:
            chosen = VALUE_SETS[name]
            self._in_value_set[key] = tuple(
                fact
                for (codings, text), facts in self.concepts(resource_type).items()
                if chosen.matches_codings(codings) or chosen.matches_text(text)
                for fact in facts
            )
        return self._in_value_set[key]

    def newest(self, resource_type: str) -> tuple[Fact, ...]:
        """All facts of the type, newest first, those without a time last, whatever their status."""
        key = (resource_type, None)
        if key not in self._newest:
            self._newest[key] = newest_first(self._chart.of_type(resource_type))
        return self._newest[key]

    def _by_code(self, resource_type: str) -> Mapping[Coding, tuple[Fact, ...]]:
        if resource_type not in self._coded:
            found: dict[Coding, list[Fact]] = {}
            for (codings, _), facts in self.concepts(resource_type).items():
                for coding in codings:
                    found.setdefault(coding, []).extend(facts)
            self._coded[resource_type] = {coding: tuple(facts) for coding, facts in found.items()}
        return self._coded[resource_type]

    def _grouped(self, resource_type: str) -> Mapping[Concept, tuple[Fact, ...]]:
        read: dict[bytes, list[Fact]] = {}
        grouped: dict[Concept, list[Fact]] = {}
        for fact in self._chart.of_type(resource_type):
            naming = _naming(fact)
            if naming not in read:
                read[naming] = grouped.setdefault(self._concept(loads(naming)), [])
            read[naming].append(fact)
        return {concept: tuple(facts) for concept, facts in grouped.items()}

    def _concept(self, naming: Mapping[str, Any]) -> Concept:
        parts = [part for value in self._named(naming) for part in concepts(value)]
        texts = dict.fromkeys(filter(None, map(text_of, parts)))
        return frozenset(coding for part in parts for coding in codings_of(part)), "; ".join(texts)

    def _named(self, naming: Mapping[str, Any]) -> Iterator[object]:
        for name, value in naming.items():
            if name == "medicationReference":
                yield from medications(value, naming.get("contained"), self._chart)
            elif name == "reaction":
                yield from (reaction.get("substance") for reaction in objects(value))
            elif name == "deviceName":
                yield from ({"text": device.get("name")} for device in objects(value))
            elif name != "contained":
                yield value


def index_of(chart: Chart) -> FactIndex:
    """The index of a chart, built once and kept with it for as long as it lives."""
    kept = vars(chart)
    if "_index" not in kept:
        kept["_index"] = FactIndex(chart)
    index: FactIndex = kept["_index"]
    return index


def _naming(fact: Fact) -> bytes:
    """The elements of a fact that name it, as a JSON text of its own: facts of one such text are of one concept."""
    found = outline(fact.raw)
    names = _NAMING.get(fact.resource_type, _CODED)
    if "medicationReference" not in found:
        names = tuple(name for name in names if name != "contained")
    return b"{" + b",".join(b'"%s":%s' % (name.encode(), bytes(found[name])) for name in names if name in found) + b"}"


def medications(reference: object, contained: object, chart: Chart) -> Iterator[Mapping[str, Any]]:
    """The concepts a `medicationReference` leads to: its own words, then the code of the contained or charted Medication.

    The one place where a medication's reference is followed. A dangling reference leads nowhere; a code that is no concept names nothing.
    """
    if not isinstance(reference, Mapping):
        return
    if isinstance(reference.get("display"), str):
        yield {"text": reference["display"]}
    found = followed(reference, chart, contained)
    if found is not None and found.resource_type == "Medication":
        yield from concepts(found.only("code").get("code"))


def concepts(value: object) -> list[Mapping[str, Any]]:
    """CodeableConcepts where FHIR allows one or many."""
    return [value] if isinstance(value, Mapping) else list(objects(value))
