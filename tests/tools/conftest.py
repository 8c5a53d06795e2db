"""Charts for the look-ups, and the kit's records where they are at hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fhir.chart import Chart, Fact, chart_of

KIT = Path(__file__).parents[2].parent / "shared" / "kit"
Resource = dict[str, Any]


@pytest.fixture
def as_of() -> datetime:
    return datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture
def make_chart() -> Callable[..., Chart]:
    """A chart of `Patient/p` (female, born 1955-03-14) from bare resources: ids and subjects are put in."""

    def make(*resources: Resource, **patient: Any) -> Chart:
        person = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1955-03-14", **patient}
        person = {key: value for key, value in person.items() if value is not None}
        return chart_of(person, [_whole(resource, number) for number, resource in enumerate(resources)])

    return make


@pytest.fixture
def make_fact(make_chart: Callable[..., Chart]) -> Callable[[Resource], Fact]:
    return lambda resource: make_chart(resource).facts[0]


@pytest.fixture
def lab() -> Callable[..., Resource]:
    def observation(loinc: str, value: float | str, unit: str, when: str = "2026-11-21T08:00:00Z", **more: Any) -> Resource:
        return {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": loinc}]},
            "effectiveDateTime": when,
            "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
            **more,
        }

    return observation


@pytest.fixture(scope="session")
def kit_facts() -> tuple[Fact, ...]:
    """Every resource of the kit's records, as raw text taken from the files (decimals untouched)."""
    folders = ("fhir", "fhir_overlay", "fhir_us_core")
    files = [path for folder in folders for path in sorted((KIT / folder).glob("*.json"))]
    if not files:
        pytest.skip("the shared kit is not at hand")
    return tuple(_fact(entry["resource"]) for path in files for entry in _loads(path)["entry"])


def _whole(resource: Resource, number: int) -> Resource:
    kind = resource["resourceType"]
    owner = "patient" if kind in {"AllergyIntolerance", "Device", "Immunization"} else "subject"
    return {"id": f"{kind.lower()}-{number}", owner: {"reference": "Patient/p"}, **resource}


class _Number(float):
    """A number that is written out as it was read."""

    def __new__(cls, text: str) -> _Number:
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str

    def __repr__(self) -> str:
        return self.text


def _loads(path: Path) -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_float=_Number)
    return loaded


def _fact(resource: Resource) -> Fact:
    raw = _dumps(resource).encode()
    return Fact(resource["resourceType"], resource["id"], raw, resource.get("meta", {}).get("versionId"))


def _dumps(value: Any) -> str:
    """JSON with every decimal as it stood in the file; `json` itself would write the float."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_dumps(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_dumps(inner) for inner in value) + "]"
    return value.text if isinstance(value, _Number) else json.dumps(value)
