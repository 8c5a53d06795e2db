"""A FHIR server that is not ours: Medplum's router and repository.

It gives a `total` and no next links, finds nothing for the bare id in `patient=`, and has no `$everything`.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from fhir.access import Access
from fhir.chart import Chart
from fhir.errors import NotThere, SourceError, UnknownPatient, VersionConflict
from fhir.files import chart_from_bytes
from fhir.rest.plan import Plan
from fhir.rest.query import Query
from fhir.server import ServerSource
from fhir.types import PULLED_TYPES
from fhir.wire.patience import Limits
from sandbox.patients.builder import bundle
from sandbox.patients.hospital import stories

Body = dict[str, Any]
Result = TypeVar("Result")


def load(base: str, document: Body) -> None:
    """Store a Bundle's resources under their own ids, in one transaction: `urn:uuid:` names become references."""
    entries = [
        {**entry, "request": {"method": "PUT", "url": f"{entry['resource']['resourceType']}/{entry['resource']['id']}"}}
        for entry in document["entry"]
    ]
    transaction = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    request = urllib.request.Request(base, json.dumps(transaction).encode(), {"Content-Type": "application/fhir+json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        made = json.load(answer)
    assert {entry["response"]["status"] for entry in made["entry"]} <= {"200", "201"}


def talk(base: str, work: Callable[[ServerSource], Awaitable[Result]], access: Access | None = None) -> Result:
    async def run() -> Result:
        source = ServerSource(base, access)
        try:
            return await work(source)
        finally:
            await source.aclose()

    return asyncio.run(run())


def said(chart: Chart) -> dict[str, Any]:
    """What a chart says, by reference, without what a server adds and without the forms that JSON in JavaScript cannot keep."""
    return {fact.reference: plain(chart, json.loads(fact.raw)) for fact in chart if fact.resource_type in (*PULLED_TYPES, "Patient")}


def plain(chart: Chart, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(chart, one) for name, one in value.items() if name != "meta"}
    if isinstance(value, list):
        return [plain(chart, one) for one in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return chart.resolve(value) if isinstance(value, str) else value


KIT = ("c19264dc-4d8e-488f-b6df-31a896089080", "9e2f7a3b-94df-4b3d-bee2-360881649fa5", "1f456f0a-acb1-4728-82af-01ca57083c7b")


@pytest.mark.std("E1")
@pytest.mark.std("E2")
def test_real_patients_pulled_from_it_say_what_their_files_say(kit: Path, medplum: str) -> None:
    files = {patient: (kit / "fhir" / f"{patient}.json").read_bytes() for patient in KIT}
    for text in files.values():
        load(medplum, json.loads(text))
    for patient, text in files.items():
        pulled = talk(medplum, lambda source, patient=patient: source.chart(patient))
        assert said(pulled) == said(chart_from_bytes(text, patient))
        assert len(pulled.facts) > 50
        assert pulled.manifest.incomplete == ()


@pytest.mark.fault(12)
def test_the_pretend_hospital_pulled_from_it_is_the_pretend_hospital(medplum: str) -> None:
    told = stories()
    for story in told:
        load(medplum, bundle(story.resources))
    assert talk(medplum, lambda source: source.patients()) == tuple(sorted(story.person.id for story in told))
    for story in told[::4]:
        pulled = talk(medplum, lambda source, story=story: source.chart(story.person.id))
        assert said(pulled) == said(chart_from_bytes(json.dumps(bundle(story.resources)).encode(), story.person.id))


@pytest.fixture
def served(medplum: str, patient: Body, observation: Callable[..., Body]) -> str:
    """The base of a server with a patient of five observations, and another with one."""
    other = {**patient, "id": "p2"}
    many = [observation(f"o{day}", effectiveDateTime=f"2024-03-0{day}T10:00:00Z") for day in range(1, 6)]
    load(medplum, {"entry": [{"resource": one} for one in (patient, other, *many, observation("x1", "Patient/p2"))]})
    return medplum


@pytest.mark.std("E2")
def test_it_finds_nothing_for_the_bare_id_and_is_asked_in_the_other_form(served: str) -> None:
    async def work(source: ServerSource) -> tuple[list[int], Chart]:
        found = []
        for who in ("p1", "Patient/p1"):
            pages = [page async for page in source.client.search(Query("Observation", (("patient", who),)))]
            found.append(sum(len(page.items) for page in pages))
        return found, await source.chart("p1")

    found, chart = talk(served, work)
    assert found == [0, 5]
    assert [fact.id for fact in chart.of_type("Observation")] == ["o5", "o4", "o3", "o2", "o1"], "sorted by date, newest first"


@pytest.mark.fault(8)
@pytest.mark.std("E2")
def test_a_page_that_is_full_without_a_link_to_the_next_is_said_to_be_cut(served: str) -> None:
    """It takes `_count` as the most it gives, and has no pages: three of five is not five."""
    chart = talk(served, lambda source: source.chart("p1"), Access(plan=Plan(page=3)))
    assert chart.manifest.state("Observation") == "truncated"
    assert chart.manifest.state("Condition") == "complete"
    (asked,) = (one for one in chart.manifest.asked if one.resource_type == "Observation")
    assert (asked.got, asked.total) == (3, 5)
    assert [fact.id for fact in chart.of_type("Observation")] == ["o5", "o4", "o3"]
    assert talk(served, lambda source: source.patients()) == ("p1", "p2")
    with pytest.raises(SourceError, match="not list its patients completely"):
        talk(served, lambda source: source.patients(), Access(plan=Plan(page=1)))


def test_it_does_not_have_who_is_not_there(served: str) -> None:
    with pytest.raises(UnknownPatient):
        talk(served, lambda source: source.chart("p3"))
    with pytest.raises(NotThere):
        talk(served, lambda source: source.client.read("Observation/none"))


@pytest.mark.fault(3)
@pytest.mark.fault(7)
@pytest.mark.parametrize("broken", ["Observation", "MedicationRequest", "AllergyIntolerance", "Flag"])
@pytest.mark.parametrize("stop", ["reset", "close"])
def test_a_type_whose_answers_are_cut_is_said_to_be_missing_and_the_others_come_whole(
    medplum: str, fault_proxy: Any, faults: Any, broken: str, stop: str
) -> None:
    """Also here, where nothing is found before it is asked for in the other form: one fault must not end that search early."""
    story = stories()[1]
    load(medplum, bundle(story.resources))
    proxy = fault_proxy(faults.relayed("127.0.0.1", int(medplum.split(":")[2].partition("/")[0])))
    proxy.plan = lambda asked: faults.Plan(stop_at=200, stop=stop) if f"/{broken}/" in asked.target else faults.Plan()
    limits = Limits(wait=0.01, longest_wait=0.02)
    chart = talk(f"{proxy.base}/fhir/R4", lambda source: source.chart(story.person.id), Access(limits=limits))
    whole = said(chart_from_bytes(json.dumps(bundle(story.resources)).encode(), story.person.id))
    assert said(chart) == {reference: one for reference, one in whole.items() if not reference.startswith(broken)}
    assert (chart.manifest.incomplete, chart.manifest.state(broken)) == ((broken,), "failed")


@pytest.mark.std("E4")
def test_an_update_replaces_the_version_it_was_made_from_and_no_other(served: str) -> None:
    async def work(source: ServerSource) -> None:
        read = (await source.client.read("Observation/o1")).items[0]
        changed = json.loads(read.raw)
        first = changed["meta"]["versionId"]
        amended = json.dumps({**changed, "status": "amended"}).encode()
        written = await source.client.update(amended, version=first)
        assert (written.reference, written.created) == ("Observation/o1", False)
        assert written.version not in (None, first)
        with pytest.raises(VersionConflict):
            await source.client.update(amended, version=first)
        again = json.loads((await source.client.read("Observation/o1")).items[0].raw)
        assert (again["status"], again["meta"]["versionId"]) == ("amended", written.version)

    talk(served, work)


@pytest.mark.std("E4")
def test_a_create_that_was_made_before_is_not_made_again(served: str, observation: Callable[..., Body]) -> None:
    draft = {**observation("ignored"), "identifier": [{"system": "urn:sidenote", "value": "review-1"}]}
    del draft["id"]
    condition = (("identifier", "urn:sidenote|review-1"),)

    async def work(source: ServerSource) -> None:
        made = await source.client.create(json.dumps(draft).encode(), if_none_exist=condition)
        assert made.created
        assert (await source.client.read(made.reference)).items[0].local == made.reference
        again = await source.client.create(json.dumps(draft).encode(), if_none_exist=condition)
        assert (again.created, again.reference) == (False, made.reference)
        without = await source.client.create(json.dumps(draft).encode())
        assert without.created
        assert without.reference != made.reference
        with pytest.raises(VersionConflict):  # two match now
            await source.client.create(json.dumps(draft).encode(), if_none_exist=condition)

    talk(served, work)


@pytest.mark.std("E1")
def test_its_capabilities_are_read(medplum: str) -> None:
    capability = talk(medplum, lambda source: source.client.capability())
    assert capability.release == "4.0.1"
    assert all(capability.offers(name) for name in PULLED_TYPES)
    assert capability.searches("Observation", "date")
    assert not capability.everything
