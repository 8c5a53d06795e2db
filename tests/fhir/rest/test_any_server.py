"""What holds of any conformant R4 server: of the pretend hospital's, and of one that a site names in SIDENOTE_TEST_FHIR_BASE.

The site's may want a token (SIDENOTE_TEST_FHIR_TOKEN), and SIDENOTE_TEST_FHIR_PATIENT may say whose chart to pull; otherwise it is the
first patient listed. What the server holds is read a second time with httpx alone and compared.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urljoin

import httpx
import pytest

from fhir.access import Access
from fhir.bundles import Document
from fhir.chart import Chart
from fhir.errors import NotThere, UnknownPatient
from fhir.rest.query import Query
from fhir.server import ServerSource
from fhir.wire.authorization import Bearer
from sandbox.ehr.config import Config
from sandbox.ehr.serve import running
from sandbox.ehr.store import Store
from sandbox.patients.hospital import stories

T = TypeVar("T")
Body = dict[str, Any]
COMPARED = ("Observation", "Condition", "MedicationRequest", "AllergyIntolerance")
NOBODY = "sidenote-there-is-no-such-patient"


@dataclass(frozen=True)
class Server:
    """A FHIR server, asked by Sidenote and, as a second opinion, by httpx."""

    base: str
    token: str | None = None
    chosen: str | None = None

    def ask(self, what: Callable[[ServerSource], Awaitable[T]]) -> T:
        async def go() -> T:
            source = ServerSource(self.base, Access(authorization=Bearer(self.token) if self.token else None))
            try:
                return await what(source)
            finally:
                await source.aclose()

        return asyncio.run(go())

    def raw(self, query: str) -> Iterator[Body]:
        """Every page of a search by GET, following next."""
        headers = {"Accept": "application/fhir+json", **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        url: str | None = f"{self.base.rstrip('/')}/{query}"
        with httpx.Client(headers=headers, timeout=60, trust_env=False) as http:
            while url is not None:
                answer = http.get(url)
                answer.raise_for_status()
                page: Body = answer.json()
                yield page
                following = [link["url"] for link in page.get("link", []) if link["relation"] == "next"]
                url = urljoin(url, following[0]) if following else None

    def patient(self) -> str:
        if self.chosen:
            return self.chosen
        first = next(self.raw("Patient?_count=5"))
        found = [entry["resource"]["id"] for entry in first.get("entry", []) if entry["resource"]["resourceType"] == "Patient"]
        if not found:
            pytest.skip("the server has no patient")
        return str(found[0])

    def ids(self, resource_type: str, patient: str) -> set[str]:
        """What either form of `patient=` finds: servers take one, the other, or both."""
        found: set[str] = set()
        for form in (patient, f"Patient/{patient}"):
            with suppress(httpx.HTTPStatusError):
                for page in self.raw(f"{resource_type}?patient={form}&_count=100"):
                    resources = [entry["resource"] for entry in page.get("entry", [])]
                    found |= {one["id"] for one in resources if one["resourceType"] == resource_type}
        return found


@pytest.fixture(scope="module")
def hospital_server() -> Iterator[Server]:
    store = Store(resource for story in stories() for resource in story.resources)
    with running(store, Config(page_size=7, most_per_page=20)) as ehr:
        yield Server(ehr.base)


@pytest.fixture(params=["the pretend hospital", "SIDENOTE_TEST_FHIR_BASE"])
def server(request: pytest.FixtureRequest) -> Server:
    if request.param == "the pretend hospital":
        found: Server = request.getfixturevalue("hospital_server")
        return found
    base = os.environ.get("SIDENOTE_TEST_FHIR_BASE")
    if not base:
        pytest.skip("SIDENOTE_TEST_FHIR_BASE names no FHIR server")
    return Server(base, os.environ.get("SIDENOTE_TEST_FHIR_TOKEN"), os.environ.get("SIDENOTE_TEST_FHIR_PATIENT"))


def chart_of(server: Server) -> Chart:
    return server.ask(lambda source: source.chart(server.patient()))


@pytest.mark.fault(18)
def test_its_capability_statement_is_r4_and_offers_patients(server: Server) -> None:
    capability = server.ask(lambda source: source.client.capability())
    assert capability.release.startswith("4.0")
    assert capability.offers("Patient")


@pytest.mark.std("E2")
@pytest.mark.std("E5")
def test_a_chart_holds_what_a_plain_search_finds(server: Server) -> None:
    chart = chart_of(server)
    assert chart.patient.id == server.patient()
    whole = [kind for kind in COMPARED if chart.manifest.state(kind) == "complete"]
    assert whole, "nothing came whole: there is nothing to compare"
    assert {kind: {fact.id for fact in chart.of_type(kind)} for kind in whole} == {
        kind: server.ids(kind, chart.patient.id) for kind in whole
    }


@pytest.mark.fault(12)
def test_every_fact_of_a_chart_is_of_its_patient(server: Server) -> None:
    chart = chart_of(server)
    named = {str((fact.body.get(name) or {}).get("reference", "")) for fact in chart.of_type(*COMPARED) for name in ("subject", "patient")}
    assert {one.partition("/_history/")[0].rpartition("Patient/")[2] for one in named if one} <= {chart.patient.id}
    assert all(fact.body["resourceType"] == fact.resource_type and fact.body["id"] == fact.id for fact in chart)


def test_the_manifest_tells_of_every_type_how_its_pull_ended(server: Server) -> None:
    manifest = chart_of(server).manifest
    assert manifest.source == "server"
    assert len(manifest.asked) >= len(COMPARED)
    assert all(one.state in ("complete", "refused", "truncated", "failed", "not asked") for one in manifest.asked)
    assert all(one.reason for one in manifest.asked if one.state not in ("complete", "not asked"))


@pytest.mark.std("E1")
def test_pages_follow_each_other_by_next_and_bring_nobody_twice(server: Server) -> None:
    async def first_pages(source: ServerSource) -> list[Document]:
        pages: list[Document] = []
        async with aclosing(source.client.search(Query("Patient", (("_count", "2"),)), private=False)) as found:
            async for page in found:
                pages.append(page)
                if len(pages) == 3:
                    break
        return pages

    pages = server.ask(first_pages)
    if len(pages) < 2:
        pytest.skip("the server answers in one page")
    ids = [[item.id for item in page.items if item.header.resourceType == "Patient"] for page in pages]
    assert all(0 < len(page) <= 2 for page in ids[:-1])
    assert len({one for page in ids for one in page}) == sum(map(len, ids))


@pytest.mark.std("E3")
def test_who_is_not_there_is_unknown(server: Server) -> None:
    with pytest.raises(UnknownPatient):
        server.ask(lambda source: source.chart(NOBODY))
    with pytest.raises(NotThere):
        server.ask(lambda source: source.client.read(f"Patient/{NOBODY}"))


def test_the_same_patient_pulled_twice_is_the_same_chart(server: Server) -> None:
    assert chart_of(server).sha256 == chart_of(server).sha256
