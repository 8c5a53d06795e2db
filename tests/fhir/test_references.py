"""One chart, its references written in every way that FHIR knows: one result."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir.assemble import chart_from
from fhir.bundles import Document, read_document
from fhir.chart import Chart, Fact, chart_of
from fhir.index import index_of
from fhir.references import followed

Body = dict[str, Any]
BASE = "https://ehr.example/fhir"
UUID = "urn:uuid:00000000-0000-4000-8000-00000000000"
NAMES = {"Patient/p": 0, "Medication/m": 1, "ServiceRequest/s": 2, "MedicationRequest/r": 3, "Observation/o": 4, "Encounter/e": 5}


def _identified(local: str) -> Body:
    return {"identifier": {"system": "urn:hospital", "value": f"N-{local}"}, "type": local.partition("/")[0]}


STYLES: Mapping[str, Callable[[str], Body]] = {
    "relative": lambda local: {"reference": local},
    "relative and versioned": lambda local: {"reference": f"{local}/_history/3"},
    "absolute": lambda local: {"reference": f"{BASE}/{local}"},
    "absolute and versioned": lambda local: {"reference": f"{BASE}/{local}/_history/3"},
    "urn:uuid": lambda local: {"reference": f"{UUID}{NAMES[local]}"},
    "urn:oid": lambda local: {"reference": f"urn:oid:1.2.3.{NAMES[local]}"},
    "logical": _identified,
    "relative with words": lambda local: {"reference": local, "display": "somebody"},
}
FULL_URL: Mapping[str, Callable[[str], str | None]] = {
    "urn:uuid": lambda local: f"{UUID}{NAMES[local]}",
    "urn:oid": lambda local: f"urn:oid:1.2.3.{NAMES[local]}",
}


def _document(link: Callable[[str], Body], full_url: Callable[[str], str | None]) -> Document:
    bodies: list[Body] = [
        {"resourceType": "Patient", "id": "p"},
        {"resourceType": "Medication", "id": "m", "code": {"coding": [{"system": "urn:drugs", "code": "1", "display": "apixaban"}]}},
        {"resourceType": "Encounter", "id": "e", "subject": link("Patient/p")},
        {"resourceType": "ServiceRequest", "id": "s", "subject": link("Patient/p"), "encounter": link("Encounter/e")},
        {"resourceType": "MedicationRequest", "id": "r", "subject": link("Patient/p"), "medicationReference": link("Medication/m")},
        {"resourceType": "Observation", "id": "o", "subject": link("Patient/p"), "basedOn": [link("ServiceRequest/s")]},
    ]
    entries = []
    for body in bodies:
        local = f"{body['resourceType']}/{body['id']}"
        body["identifier"] = [_identified(local)["identifier"]]
        url = full_url(local)
        entries.append({"resource": body, **({"fullUrl": url} if url else {})})
    return read_document(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode())


def _led(chart: Chart) -> dict[str, str | None]:
    """Where every reference of the chart leads, by the place it stands in; and what the medication is named."""
    found: dict[str, str | None] = {}
    for fact in sorted(chart, key=lambda one: one.reference):
        for name in ("subject", "encounter", "medicationReference", "basedOn"):
            for reference in [fact.body[name]] if isinstance(fact.body.get(name), Mapping) else fact.body.get(name, []):
                target = followed(reference, chart)
                found[f"{fact.reference}.{name}"] = target.reference if target else None
    (named,) = (codings for codings, _ in index_of(chart).concepts("MedicationRequest"))
    return {**found, "medication": str(sorted(named))}


EXPECTED = {
    "Encounter/e.subject": "Patient/p",
    "MedicationRequest/r.subject": "Patient/p",
    "MedicationRequest/r.medicationReference": "Medication/m",
    "Observation/o.subject": "Patient/p",
    "Observation/o.basedOn": "ServiceRequest/s",
    "ServiceRequest/s.subject": "Patient/p",
    "ServiceRequest/s.encounter": "Encounter/e",
    "medication": "[('urn:drugs', '1')]",
}


@pytest.mark.std("E3")
@pytest.mark.fault(20)
@given(
    st.lists(st.sampled_from(list(STYLES)), min_size=8, max_size=8),
    st.sampled_from(["urn:uuid", "urn:oid", "absolute", "absolute, of some"]),
)
@settings(max_examples=150)
def test_the_same_chart_written_in_any_style_resolves_alike(styles: list[str], urls: str) -> None:
    known = {name for name in STYLES if not name.startswith(("urn:", "absolute")) or name.startswith(urls.partition(",")[0])}
    usable = [style if style in known else "relative" for style in styles]
    turns = iter(usable * 2)

    def link(local: str) -> Body:
        return STYLES[next(turns)](local)

    some = {"absolute": lambda local: f"{BASE}/{local}", "absolute, of some": lambda local: f"{BASE}/{local}" if local[0] in "PS" else None}
    document = _document(link, {**FULL_URL, **some}[urls])
    assert _led(chart_from([document], "p")) == EXPECTED


@pytest.mark.std("E3")
@pytest.mark.fault(20)
def test_a_servers_own_base_is_known_though_no_entry_names_it() -> None:
    document = _document(STYLES["absolute"], lambda local: None)
    assert _led(chart_from([document], "p", base=BASE)) == EXPECTED
    assert [fact.resource_type for fact in chart_from([document], "p").facts] == ["Medication"]


def test_urls_at_the_one_base_of_a_source_are_kept_as_one_name() -> None:
    chart = chart_from([_document(STYLES["absolute"], lambda local: f"{BASE}/{local}")], "p")
    assert dict(chart.aliases) == {f"{BASE}/": ""}
    assert chart.resolve(f"{BASE}/Observation/o/_history/9") == "Observation/o"
    assert chart.resolve("https://ehr.example/other/Observation/o") == "https://ehr.example/other/Observation/o"
    assert chart.resolve(f"{BASE}/") == f"{BASE}/"


@pytest.mark.fault(20)
def test_a_name_that_two_documents_give_to_two_resources_names_neither() -> None:
    one = {"resourceType": "Bundle", "type": "collection", "entry": [
        {"resource": {"resourceType": "Patient", "id": "p"}},
        {"fullUrl": "urn:oid:1.2", "resource": {"resourceType": "Flag", "id": "a", "subject": {"reference": "Patient/p"}}}]}  # fmt: skip
    other = json.loads(json.dumps(one).replace('"a"', '"b"'))
    chart = chart_from([read_document(json.dumps(each).encode()) for each in (one, other)], "p")
    assert chart.get("urn:oid:1.2") is None
    assert {fact.id for fact in chart.facts} == {"a", "b"}


CONTAINED = [{"resourceType": "Medication", "id": "in", "code": {"text": "apixaban"}}, "odd", {"id": "typeless"}]
FLAG: Body = {"resourceType": "Flag", "id": "f", "identifier": [{"system": "urn:s", "value": "1"}]}
TWIN: Body = {**FLAG, "resourceType": "Goal"}


@pytest.mark.std("E3")
@pytest.mark.fault(20)
@pytest.mark.parametrize(
    ("reference", "led"),
    [
        ({"reference": "#in"}, "Medication/#in"),
        ({"reference": "#other"}, None),
        ({"reference": "#typeless"}, None),
        ({"reference": "#"}, None),
        ({"identifier": {"system": "urn:s", "value": "1"}, "type": "Flag"}, "Flag/f"),
        ({"identifier": {"system": "urn:s", "value": "1"}}, None),
        ({"identifier": {"system": "urn:s", "value": "2"}, "type": "Flag"}, None),
        ({"identifier": {"value": "1"}, "type": "Flag"}, None),
        ({"reference": "Flag/none", "identifier": {"system": "urn:s", "value": "1"}, "type": "Flag"}, None),
        ({"display": "a flag"}, None),
        ({"reference": "Flag?identifier=1"}, None),
        ({"reference": ["Flag/f"], "identifier": {"system": "urn:s", "value": "1"}}, None),
        ({"identifier": "urn:s|1"}, None),
        ("Flag/f", None),
        (None, None),
    ],
)
def test_what_is_contained_or_identified_is_found_and_what_leads_nowhere_is_not_available(reference: Any, led: str | None) -> None:
    chart = chart_of({"resourceType": "Patient", "id": "p"}, [FLAG, TWIN])
    found = followed(reference, chart, CONTAINED)
    assert (found.reference if found else None) == led


def test_a_contained_resource_is_a_fact_of_its_own_text() -> None:
    found = followed({"reference": "#in"}, chart_of({"resourceType": "Patient", "id": "p"}), CONTAINED)
    assert isinstance(found, Fact)
    assert found.body["code"] == {"text": "apixaban"}
