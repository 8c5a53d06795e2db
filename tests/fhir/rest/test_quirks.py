"""Each quirk of a server is named, explained, and changes what is asked."""

from __future__ import annotations

import pytest

from fhir.rest.capability import Ability, Capability
from fhir.rest.plan import Plan, queries
from fhir.rest.quirks import CATEGORIES, QUIRKS, Quirk

DECLARED = Capability("4.0.1", types={"Observation": Ability(searches=frozenset({"patient", "date"}))})


def asked(*quirks: Quirk) -> list[dict[str, str]]:
    return [dict(query.parameters) for query in queries("Observation", "p1", Plan(page=100), DECLARED, frozenset(quirks))]


@pytest.mark.parametrize("quirk", QUIRKS)
def test_a_quirk_says_what_the_server_does(quirk: Quirk) -> None:
    assert len(QUIRKS[quirk].split()) >= 3


CHANGES: list[tuple[Quirk, dict[str, str]]] = [
    ("patient-long-form", {"patient": "Patient/p1", "_sort": "-date", "_count": "100"}),
    ("subject-parameter", {"subject": "p1", "_sort": "-date", "_count": "100"}),
    ("no-sort", {"patient": "p1", "_count": "100"}),
    ("no-count", {"patient": "p1", "_sort": "-date"}),
]


@pytest.mark.std("E2")
@pytest.mark.parametrize(("quirk", "expected"), CHANGES)
def test_a_quirk_changes_the_search(quirk: Quirk, expected: dict[str, str]) -> None:
    assert asked() == [{"patient": "p1", "_sort": "-date", "_count": "100"}]
    assert asked(quirk) == [expected]


def test_a_server_that_wants_a_category_is_asked_once_for_each() -> None:
    assert [query["category"] for query in asked("observation-by-category")] == list(CATEGORIES)
