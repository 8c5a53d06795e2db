"""No row, no read: every exchange with the pretend hospital has its row first, and with the audit down nothing of a chart comes."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.graph import run_review
from agent.request import ReviewRequest
from fhir.access import Access
from fhir.chart import Chart
from fhir.errors import AccessRefused
from fhir.models import validate
from fhir.server import ServerSource
from fhir.wire.exchange import Ask
from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store
from sandbox.patients.builder import bundle
from sandbox.patients.hospital import stories
from sandbox.patients.story import CLOCK
from sidenote.audit.errors import AuditDown
from sidenote.audit.events import Row, Who, row_of
from sidenote.audit.resource import as_resource
from sidenote.audit.store import Audit
from sidenote.audit.verify import verify
from sidenote.audit.witness import SessionWitness
from sidenote.settings import Settings
from sidenote.wiring import standing

PATIENT = "heart-failure"
BASE = "https://ehr.example/api/FHIR/R4"


@pytest.fixture(scope="module")
def ehr() -> Iterator[Running]:
    store = Store()
    for story in stories():
        store.load_bundle(bundle(story.resources))
    with running(store, Config(everything=False, page_size=20)) as found:
        yield found


@pytest.fixture
def server(ehr: Running) -> Iterator[Running]:
    """The same server for every test, with what it was asked forgotten."""
    ehr.faults.clear()
    yield ehr
    ehr.faults.clear()


def kept(path: Path) -> list[Row]:
    with closing(sqlite3.connect(path)) as db:
        found = [json.loads(line) for (line,) in db.execute("SELECT line FROM audit ORDER BY seq")]
    return [row_of({key: value for key, value in one.items() if key not in ("seq", "prev", "sha256")}) for one in found]


async def pulled(base: str, audit: Audit, who: Who, patient: str = PATIENT) -> Chart:
    source = ServerSource(base, Access(witness=SessionWitness(audit, who, base)))
    try:
        return await source.chart(patient)
    finally:
        await source.aclose()


def pulled_once(server: Running, store: Path, who: Who) -> Chart:
    async def run() -> Chart:
        audit = Audit(store)
        try:
            return await pulled(server.base, audit, who)
        finally:
            await audit.aclose()

    return asyncio.run(run())


@pytest.mark.std("E8")
def test_every_exchange_of_a_pull_has_its_row(server: Running, store: Path, who: Who) -> None:
    before = server.faults.count()
    chart = pulled_once(server, store, who)
    assert len(chart.facts) > 10
    rows = kept(store)
    assert len(rows) == server.faults.count() - before
    assert {row.who for row in rows} == {who}
    assert {row.code for row in rows} == {"http_200"}
    asked = {(row.interaction, row.action) for row in rows}
    assert asked >= {("read", "R"), ("search-type", "E"), ("capabilities", "R")}
    assert all(validate("AuditEvent", as_resource(row)) == () for row in rows)
    assert verify(store).whole


@pytest.mark.std("E8")
def test_what_was_searched_for_stands_in_the_row_of_a_search_by_post(server: Running, store: Path, who: Who) -> None:
    pulled_once(server, store, who)
    search = next(row for row in kept(store) if row.interaction == "search-type" and row.entities[0].value == "Observation")
    query = as_resource(search)["entity"][2]
    assert f"patient={PATIENT}" in base64.b64decode(query["query"]).decode()
    assert "patient" in query["description"].split()


@pytest.mark.std("E8")
def test_a_type_that_is_refused_leaves_its_row_too(server: Running, store: Path, who: Who) -> None:
    server.faults.forbid("Observation")
    chart = pulled_once(server, store, who)
    assert {one.state for one in chart.manifest.asked if one.resource_type == "Observation"} == {"refused"}
    (refused,) = [row for row in kept(store) if row.code == "http_403"]
    assert (refused.outcome, refused.entities[0].value) == ("4", "Observation")


@pytest.mark.std("E8")
def test_a_refused_patient_leaves_its_row(server: Running, store: Path, who: Who) -> None:
    server.faults.forbid("Patient")
    with pytest.raises(AccessRefused):
        pulled_once(server, store, who)
    assert "http_403" in {row.code for row in kept(store) if row.interaction == "read"}


# ---- the audit is down (fault 116)


@pytest.mark.fault(116)
def test_with_the_audit_down_a_pull_is_refused_and_nothing_of_the_chart_comes(server: Running, store: Path, who: Who) -> None:
    async def run() -> None:
        audit = Audit(store, patience=0.05)
        with closing(sqlite3.connect(store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(AuditDown) as refused:
                await pulled(server.base, audit, who)
            other.execute("ROLLBACK")
        assert PATIENT not in str(refused.value)
        assert await pulled(server.base, audit, who)
        await audit.aclose()

    asyncio.run(run())


class Failing:
    """An audit that goes down after some rows."""

    def __init__(self, audit: Audit, rows: int) -> None:
        self._audit, self._left = audit, rows

    async def append(self, *rows: Row) -> None:
        self._left -= 1
        if self._left < 0:
            raise AuditDown("down")
        await self._audit.append(*rows)


@pytest.mark.fault(116)
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 5, 9])
def test_an_audit_that_goes_down_in_the_middle_of_a_pull_ends_it(server: Running, store: Path, who: Who, rows: int) -> None:
    """A type whose row is missing is not left out of the chart like one that the server refuses: there is no chart."""

    async def run() -> None:
        audit = Audit(store)
        failing: Any = Failing(audit, rows)
        with pytest.raises(AuditDown):
            await pulled(server.base, failing, who)
        await audit.aclose()

    asyncio.run(run())
    assert len(kept(store)) == rows


@pytest.mark.fault(116)
@pytest.mark.parametrize("rows", [0, 4])
def test_a_review_ends_with_the_audit_and_leaves_no_record(server: Running, store: Path, who: Who, tmp_path: Path, rows: int) -> None:
    async def run() -> None:
        audit = Audit(store)
        failing: Any = Failing(audit, rows)
        source = ServerSource(server.base, Access(witness=SessionWitness(failing, who, server.base)))
        async with standing(Settings(home=tmp_path), image_model=False) as parts_with:
            with pytest.raises(AuditDown):
                await run_review(ReviewRequest(PATIENT, CLOCK, image_model=False), parts_with(source))
        await source.aclose()
        await audit.aclose()

    asyncio.run(run())
    assert list((tmp_path / "records").iterdir()) == []


# ---- what a question is


@pytest.mark.parametrize("base", [BASE, ""])
@pytest.mark.parametrize(
    ("method", "path", "interaction", "about"),
    [
        ("GET", "Patient/p1", "read", "Patient/p1"),
        ("HEAD", "Patient/p1", "read", "Patient/p1"),
        ("GET", "Patient/p1/_history/2", "vread", "Patient/p1"),
        ("GET", "Observation?patient=p1", "search-type", "Observation"),
        ("POST", "Observation/_search", "search-type", "Observation"),
        ("GET", "Patient/p1/$everything?_count=2", "operation", "Patient/p1"),
        ("POST", "Observation/$lastn", "operation", "Observation"),
        ("PUT", "Composition/c1", "update", "Composition/c1"),
        ("DELETE", "Composition/c1", "delete", "Composition/c1"),
        ("GET", "Binary/b1", "read", "Binary/b1"),
    ],
)
def test_an_interaction_is_told_from_method_and_path(base: str, method: Any, path: str, interaction: str, about: str, store: Path) -> None:
    row = witnessed(store, Ask(method, f"{BASE}/{path}"), base)
    assert (row.interaction, row.entities[0].value) == (interaction, about)


@pytest.mark.parametrize(
    ("method", "url", "interaction", "action"),
    [
        ("POST", f"{BASE}/Composition", "create", "C"),
        ("GET", f"{BASE}/metadata", "capabilities", "R"),
        ("POST", BASE, "operation", "E"),
        ("GET", f"{BASE}?_getpages=abc", "operation", "E"),
        ("GET", f"{BASE}/some/page", "operation", "E"),
        ("GET", "https://images.example/dicom-web/studies?StudyInstanceUID=1.2", "qido-rs", "E"),
        ("GET", "https://images.example/dicom-web/studies/1.2/series", "qido-rs", "E"),
        ("GET", "https://images.example/dicom-web/studies/1.2/series/3/instances/4", "wado-rs", "R"),
        ("GET", "https://images.example/dicom-web/studies/1.2/metadata", "wado-rs", "R"),
        ("GET", "https://files.example/a/b.dcm", "operation", "E"),
    ],
)
def test_what_is_no_plain_read_is_told_as_what_it_is(method: Any, url: str, interaction: str, action: str, store: Path) -> None:
    row = witnessed(store, Ask(method, url), BASE)
    assert (row.interaction, row.action) == (interaction, action)
    assert validate("AuditEvent", as_resource(row)) == ()


def test_what_is_written_is_not_kept_as_a_query(store: Path) -> None:
    row = witnessed(store, Ask("POST", f"{BASE}/Composition", body=b'{"resourceType":"Composition"}'), BASE)
    assert [one.role for one in row.entities] == ["resource"]


def test_headers_of_a_question_are_not_kept(store: Path) -> None:
    row = witnessed(store, Ask("GET", f"{BASE}/Patient/p1", {"Authorization": "Bearer secret-token"}), BASE)
    assert "secret-token" not in json.dumps(row.fields())


def witnessed(store: Path, ask: Ask, base: str) -> Row:
    async def run() -> None:
        audit = Audit(store)
        await SessionWitness(audit, Who("pretend", "Practitioner/1", "p1", "s1"), base).saw(ask, 200)
        await audit.aclose()

    asyncio.run(run())
    (row,) = kept(store)
    return row
