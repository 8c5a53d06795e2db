"""What is left out of a record that is too large, and that the cut is seen."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.assemble import chart_from
from fhir.bounds import DEFAULT_BOUNDS, KEPT_TYPES, Bounds, cut, stays
from fhir.bundles import Item, read_document
from fhir.chart import Asked
from fhir.errors import RecordTooLarge

Body = dict[str, Any]
ROOT = Path(__file__).parents[2]
P: Body = {"resourceType": "Patient", "id": "p"}


def resource(kind: str, name: str, **elements: Any) -> Body:
    return {"resourceType": kind, "id": name, "subject": {"reference": "Patient/p"}, **elements}


def items(*resources: Body) -> tuple[Item, ...]:
    entries = [{"resource": one} for one in resources]
    return read_document(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()).items


def observations(count: int, code: str = "pulse") -> list[Body]:
    """One a day, the oldest first."""
    return [resource("Observation", f"{code}{n}", code={"text": code}, effectiveDateTime=f"2024-01-{n + 1:02d}") for n in range(count)]


def bounds(facts: int = 1000, text: int = 10**9, **per_type: int) -> Bounds:
    return Bounds(facts, MappingProxyType(per_type), text)


def kept(*resources: Body, within: Bounds) -> list[str]:
    return [item.id for item in cut(items(*resources), within).kept]


def test_what_fits_is_left_as_it_is() -> None:
    all_of_it = items(P, *observations(5))
    assert cut(all_of_it, bounds()) == (all_of_it, (), frozenset())


@pytest.mark.fault(19)
def test_the_oldest_of_a_type_go_first_and_undated_ones_before_them() -> None:
    undated = resource("Observation", "undated", code={"text": "pulse"})
    found = cut(items(P, undated, *observations(20)), bounds(Observation=15))
    assert [item.id for item in found.kept] == ["p", *(f"pulse{n}" for n in range(5, 20))]
    assert found.truncated == {"Observation"}
    assert found.notes == ("21 Observation, newest 15 kept",)


@pytest.mark.fault(19)
def test_the_newest_of_every_code_stay_before_a_long_series_does() -> None:
    old = [resource("Observation", "creatinine", code={"text": "Creatinine"}, effectiveDateTime="2001-01-01")]
    found = kept(P, *old, *observations(28), within=bounds(Observation=12))
    assert found == ["p", "creatinine", *(f"pulse{n}" for n in range(17, 28))]


@pytest.mark.fault(19)
def test_of_all_types_together_the_most_numerous_gives_way() -> None:
    few = [resource("Encounter", f"e{n}", period={"start": "1999"}) for n in range(3)]
    found = cut(items(P, *few, *observations(20)), bounds(facts=10))
    assert Counter(item.header.resourceType for item in found.kept) == {"Patient": 1, "Encounter": 3, "Observation": 6}


@pytest.mark.fault(19)
def test_of_text_the_type_that_holds_most_of_it_gives_way() -> None:
    letters = [resource("DocumentReference", f"d{n}", date=f"202{n}", description="x" * 5000) for n in range(4)]
    found = cut(items(P, *letters, *observations(10)), bounds(text=13_000))
    assert {item.id for item in found.kept if item.header.resourceType == "DocumentReference"} == {"d2", "d3"}
    assert found.truncated == {"DocumentReference"}


MEDICATION = {"resourceType": "MedicationRequest", "id": "m", "subject": {"reference": "Patient/p"}}


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    ("body", "always"),
    [
        (P, True),
        ({"resourceType": "AllergyIntolerance", "id": "a", "patient": {"reference": "Patient/p"}}, True),
        (resource("Condition", "c", clinicalStatus={"coding": [{"code": "resolved"}]}), True),
        ({**MEDICATION, "status": "active"}, True),
        ({**MEDICATION, "status": "on-hold"}, True),
        (MEDICATION, True),
        ({**MEDICATION, "status": ["active"]}, True),
        ({**MEDICATION, "status": "stopped"}, False),
        ({**MEDICATION, "status": "completed"}, False),
        (resource("Observation", "o"), False),
    ],
)
def test_what_a_review_must_not_miss_always_stays(body: Body, always: bool) -> None:
    (item,) = items(body)
    assert stays(item) is always


def test_what_always_stays_and_is_too_much_refuses_the_record() -> None:
    problems = [resource("Condition", f"c{n}") for n in range(12)]
    with pytest.raises(RecordTooLarge):
        cut(items(P, *problems, *observations(3)), bounds(facts=10))
    with pytest.raises(RecordTooLarge):
        cut(items(P, *problems), bounds(text=100))


KINDS = st.sampled_from(["Observation", "Encounter", "Procedure", "Condition", "MedicationRequest"])
RECORDS = st.lists(
    st.tuples(KINDS, st.integers(1, 28), st.sampled_from(["pulse", "creatinine"]), st.sampled_from(["active", "stopped"])), max_size=30
)


@given(RECORDS, st.integers(1, 25), st.integers(1, 25))
@pytest.mark.fault(19)
def test_no_record_breaks_its_bounds_and_every_cut_is_counted(record: list[tuple[str, int, str, str]], facts: int, most: int) -> None:
    bodies = [
        resource(kind, f"r{n}", effectiveDateTime=f"2024-01-{day:02d}", code={"text": code}, status=status)
        for n, (kind, day, code, status) in enumerate(record)
    ]
    given_items, within = items(P, *bodies), bounds(facts=facts, Observation=most)
    try:
        found = cut(given_items, within)
    except RecordTooLarge:
        assert sum(map(stays, given_items)) > facts
        return
    assert len(found.kept) <= facts
    assert [item for item in given_items if item in found.kept] == list(found.kept)
    assert {item.id for item in given_items if stays(item)} <= {item.id for item in found.kept}
    had, have = (Counter(item.header.resourceType for item in some) for some in (given_items, found.kept))
    assert have["Observation"] <= most
    assert found.truncated == {kind for kind in had if had[kind] != have[kind]}
    assert len(found.notes) == len(found.truncated)


@pytest.mark.fault(19)
def test_a_cut_stands_in_the_manifest_of_files_and_of_servers() -> None:
    document = read_document(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": P}]
                                         + [{"resource": one} for one in observations(20)]}).encode())  # fmt: skip
    asks = (Asked("Observation", "complete", "search", 20), Asked("Condition", "complete", "search", 0))
    pulled = (("Condition", "complete"), ("Observation", "complete"))
    for source, states in (("file", ()), ("server", pulled)):
        chart = chart_from([document], "p", source=source, pulled=states, asks=asks, bounds=bounds(Observation=5))  # type: ignore[arg-type]
        assert chart.manifest.state("Observation") == "truncated"
        assert chart.manifest.state("Condition") == "complete"
        assert chart.manifest.resources == 6
        assert "20 Observation, newest 5 kept" in chart.manifest.notes
        assert [(one.state, one.reason is None) for one in chart.manifest.asked] == [("truncated", False), ("complete", True)]


def test_shared_resources_come_along_for_what_was_kept_alone() -> None:
    people = [{"resourceType": "Practitioner", "id": f"d{n}"} for n in range(20)]
    seen = [{**one, "performer": [{"reference": f"Practitioner/d{n}"}]} for n, one in enumerate(observations(20))]
    document = read_document(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in
                                         (P, {"resourceType": "Patient", "id": "q"}, *people, *seen)]}).encode())  # fmt: skip
    chart = chart_from([document], "p", bounds=bounds(Observation=3))
    assert {fact.id for fact in chart.of_type("Practitioner")} == {"d17", "d18", "d19"}


def test_the_bounds_say_how_many_of_a_type_are_worth_asking_for() -> None:
    assert bounds(facts=100, Observation=30).most("Observation") == 30
    assert bounds(facts=100, Observation=300).most("Observation") == 100
    assert bounds(facts=100).most("Encounter") == 100
    assert {"Patient", "AllergyIntolerance", "Condition"} <= KEPT_TYPES
    assert DEFAULT_BOUNDS.most("Observation") < DEFAULT_BOUNDS.facts


_CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from fhir.files import chart_from_bytes
from tools.labs import look_up
chart = chart_from_bytes(Path(sys.argv[1]).read_bytes(), "p")
found = look_up(chart, "Patient/p", datetime(2026, 1, 1, tzinfo=UTC))
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(len(chart.facts), chart.manifest.state("Observation"), len(found), found[0].when, int(peak.split()[1]) // 1024, *chart.manifest.notes)
"""


def drawn_at(number: int, count: int) -> str:
    return f"{2014 + number * 10 // count}-{1 + number % 12:02d}-{1 + number % 28:02d}T{number % 24:02d}:00:00Z"


@pytest.fixture
def huge(tmp_path: Path) -> Callable[[int], Path]:
    """A bundle of many Observations of 45 codes over ten years, about a kilobyte each."""

    def write(count: int) -> Path:
        codes = [
            ("2160-0", "Creatinine", "mg/dL"),
            ("33914-3", "eGFR", "mL/min/{1.73_m2}"),
            *((f"{n}-1", f"Vital {n}", "/min") for n in range(9000, 9043)),
        ]
        path = tmp_path / "huge.json"
        with path.open("w") as file:
            file.write('{"resourceType":"Bundle","type":"collection","entry":[' + json.dumps({"resource": P}))
            for n in range(count):
                code, display, unit = codes[n % len(codes)]
                body = resource(
                    "Observation",
                    f"o{n}",
                    status="final",
                    meta={"versionId": "1", "lastUpdated": "2024-01-01T00:00:00Z"},
                    category=[{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}],
                    code={"coding": [{"system": "http://loinc.org", "code": code, "display": display}], "text": display},
                    encounter={"reference": f"Encounter/e{n % 300}"},
                    effectiveDateTime=drawn_at(n, count),
                    valueQuantity={"value": n % 97 / 10, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
                    note=[{"text": "Drawn at the bedside, sent by tube, nothing out of the ordinary. " * 4}],
                )
                file.write("," + json.dumps({"resource": body}))
            file.write("]}")
        return path

    return write


@pytest.mark.slow
@pytest.mark.fault(19)
@pytest.mark.std("E5")
def test_fifty_thousand_observations_stay_under_512_mb_newest_first_and_the_cut_is_seen(huge: Callable[[int], Path]) -> None:
    path = huge(50_000)
    assert path.stat().st_size > 40_000_000
    done = subprocess.run([sys.executable, "-c", _CHILD, str(path)], capture_output=True, text=True, check=True, cwd=ROOT)
    count, state, found, newest, peak, *note = done.stdout.split()
    assert (int(count), state) == (12_000, "truncated")
    assert int(found) >= 2
    assert newest == max(drawn_at(number, 50_000) for number in range(50_000) if number % 45 == 1)  # of the eGFR, which is asked for first
    assert int(peak) < 512
    assert " ".join(note) == "50,000 Observation, newest 12,000 kept"
