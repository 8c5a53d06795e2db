"""One patient's record as the chart page reads it: straight from the hospital's store, so that no misbehaviour of its server touches it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhir.chart import Chart, Fact, Manifest
from fhir.views import Element, concept_text, newest_first, objects, status, status_code, when
from sandbox.ehr.store import Store, Version

_NAMED_BY_OTHERS = ("Medication", "Endpoint", "Practitioner")
"""Types in nobody's compartment that a patient's resources refer to."""
_WRITTEN_BY_MISTAKE = "entered-in-error"


def record_of(store: Store, patient: str) -> Chart | None:
    """Everything the store holds about a patient; None when there is no such patient."""
    head = store.current(f"Patient/{patient}")
    if head is None:
        return None
    own = [version for version in store.of_patient(patient) if version.local != head.local]
    shared = [version for name in _NAMED_BY_OTHERS for version in store.of_type(name)]
    facts = tuple(_fact(version) for version in {version.local: version for version in (*own, *shared)}.values())
    return Chart(_fact(head), facts, Manifest("file", (), len(facts) + 1))


def _fact(version: Version) -> Fact:
    return Fact(version.type, version.id, version.raw, str(version.number))


def listed(chart: Chart, *resource_types: str) -> tuple[Fact, ...]:
    """The facts of some types that a chart shows, newest first: all but those entered in error."""
    return newest_first(tuple(fact for fact in chart.of_type(*resource_types) if not _mistaken(fact)))


def _mistaken(fact: Fact) -> bool:
    return _WRITTEN_BY_MISTAKE in (status(fact), status_code(fact.body.get("verificationStatus")))


def date_of(fact: Fact) -> str | None:
    """When the fact holds or happened, as the record writes it."""
    found = when(fact)
    return found.text if found is not None else None


def text_of(value: Any) -> str:
    """The text of an element; "" for what is no text."""
    return value if isinstance(value, str) else ""


def first_text(concepts: Any) -> str:
    """How the record calls the first CodeableConcept of a list."""
    return next((text for text in map(concept_text, objects(concepts)) if text), "")


def in_category(fact: Fact, code: str) -> bool:
    """Whether one of the fact's categories has a code."""
    return any(code == coding.get("code") for coding in _codings(fact.body.get("category")))


def _codings(concepts: Any) -> Iterator[Element]:
    for concept in objects(concepts):
        yield from objects(concept.get("coding"))
