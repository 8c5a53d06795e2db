"""Bulk servers that were not written for these tests: the pretend hospital's, and one that a site names in SIDENOTE_TEST_BULK_BASE.

The site's may want a token (SIDENOTE_TEST_BULK_TOKEN) and keep its files elsewhere (SIDENOTE_TEST_BULK_FILE_HOSTS, URLs by commas).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from fhir.bulk.export import Course, export
from fhir.bulk.job import begun
from fhir.bulk.kickoff import kick_off
from fhir.bulk.poll import Patience
from fhir.bulk.request import ExportRequest
from fhir.bulk.state import ExportState
from fhir.chart import Chart
from fhir.errors import RecordError
from fhir.source import open_source
from fhir.wire.authorization import Bearer
from fhir.wire.exchange import Ask
from fhir.wire.origins import origins
from fhir.wire.wire import Wire
from sandbox.ehr.config import BulkConfig, Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store

T = TypeVar("T")
Body = dict[str, Any]


@dataclass(frozen=True)
class Server:
    """A bulk server and how to ask it."""

    base: str
    token: str | None = None
    file_hosts: tuple[str, ...] = ()

    def ask(self, what: Callable[[Wire], Awaitable[T]]) -> T:
        async def go() -> T:
            wire = Wire(origins(self.base, plain=self.file_hosts), authorization=Bearer(self.token) if self.token else None)
            try:
                return await what(wire)
            finally:
                await wire.aclose()

        return asyncio.run(go())

    def export(self, request: ExportRequest, out: Path) -> ExportState:
        quick = Course(patience=Patience(first=0.05))
        return self.ask(lambda wire: export(wire, self.base, request, out, course=quick))


@pytest.fixture
def ward(patient: Body, observation: Callable[..., Body]) -> Iterator[Running]:
    members = [{"entity": {"reference": f"Patient/{one}"}} for one in ("p1", "p2")]
    resources = [
        patient,
        {**patient, "id": "p2"},
        {**patient, "id": "p3"},
        {"resourceType": "Group", "id": "g1", "type": "person", "actual": True, "member": members},
        *(observation(f"o{place}", f"Patient/p{place % 3 + 1}") for place in range(30)),
    ]
    with running(Store(resources), Config(bulk=BulkConfig(polls=1, resources_a_file=4))) as ehr:
        yield ehr


@pytest.fixture(params=["the pretend hospital", "SIDENOTE_TEST_BULK_BASE"])
def any_server(request: pytest.FixtureRequest) -> Server:
    if request.param == "the pretend hospital":
        return Server(request.getfixturevalue("ward").base)
    base = os.environ.get("SIDENOTE_TEST_BULK_BASE")
    if not base:
        pytest.skip("SIDENOTE_TEST_BULK_BASE names no bulk server")
    hosts = os.environ.get("SIDENOTE_TEST_BULK_FILE_HOSTS", "")
    return Server(base, os.environ.get("SIDENOTE_TEST_BULK_TOKEN"), tuple(one for one in hosts.split(",") if one))


def charts_of(out: Path, most: int = 5) -> list[Chart]:
    async def read() -> list[Chart]:
        source = open_source(out)
        try:
            return [await source.chart(one) for one in (await source.patients())[:most]]
        finally:
            await source.aclose()

    return asyncio.run(read())


@pytest.mark.std("C1")
@pytest.mark.std("C2")
@pytest.mark.std("C3")
@pytest.mark.std("C4")
def test_the_patients_of_any_server_become_charts(any_server: Server, tmp_path: Path) -> None:
    state = any_server.export(ExportRequest("patients", types=("Patient", "Observation")), tmp_path / "out")
    assert [file["problem"] for file in state.files if file["problem"]] == []
    assert [file["name"] for file in state.files if file["count"] not in (None, file["lines"])] == []
    charts = charts_of(tmp_path / "out")
    assert charts
    assert all(
        fact.body["subject"]["reference"].endswith(chart.patient.reference) for chart in charts for fact in chart.of_type("Observation")
    )


@pytest.mark.std("C5")
def test_a_second_run_on_any_server_goes_on_where_the_first_ended(any_server: Server, tmp_path: Path) -> None:
    request = ExportRequest("patients", types=("Patient",))
    first = any_server.export(request, tmp_path / "out")
    patients = (tmp_path / "out" / "cohort.txt").read_text()
    second = any_server.export(request, tmp_path / "out")
    assert second.transaction_time >= first.transaction_time
    assert set(patients.split()) <= set((tmp_path / "out" / "cohort.txt").read_text().split())


@pytest.mark.std("C2")
def test_any_server_forgets_an_export_that_was_aborted(any_server: Server) -> None:
    urls: list[str] = []

    async def abort(wire: Wire) -> int:
        with suppress(KeyboardInterrupt):
            async with begun(wire, kick_off(any_server.base, ExportRequest("patients")), Patience()) as url:
                urls.append(url)
                raise KeyboardInterrupt
        return (await wire.ask(Ask("GET", urls[0], {"Accept": "application/json"}))).status

    assert any_server.ask(abort) in (404, 410)


@pytest.mark.std("C6")
def test_the_pretend_hospitals_group_brings_its_members_and_nobody_else(ward: Running, tmp_path: Path) -> None:
    state = Server(ward.base).export(ExportRequest("group", "g1"), tmp_path / "out")
    assert (state.members, state.missing, state.complete) == (("p1", "p2"), (), True)
    assert (tmp_path / "out" / "cohort.txt").read_text() == "p1\np2\n"
    assert len(state.files) > 5, "a file holds four resources"
    assert [len(chart.of_type("Observation")) for chart in charts_of(tmp_path / "out")] == [10, 10]


@pytest.mark.std("C5")
def test_what_changes_in_the_pretend_hospital_reaches_the_folder_and_what_is_deleted_leaves_it(
    ward: Running, observation: Callable[..., Body], tmp_path: Path
) -> None:
    server, request = Server(ward.base), ExportRequest("patients")
    server.export(request, tmp_path / "out")
    with httpx.Client(timeout=60, headers={"Content-Type": "application/fhir+json"}, trust_env=False) as http:
        assert http.put(f"{ward.base}/Observation/o0", json=observation("o0", status="amended")).status_code == 200
        assert http.put(f"{ward.base}/Observation/new", json=observation("new")).status_code == 201
        assert http.delete(f"{ward.base}/Observation/o3").status_code in (200, 204)
    state = server.export(request, tmp_path / "out")
    assert (state.complete, state.deleted, len(state.runs)) == (True, 1, 2)
    (chart,) = [one for one in charts_of(tmp_path / "out") if one.patient.id == "p1"]
    found = {fact.id: fact.body["status"] for fact in chart.of_type("Observation")}
    assert found["o0"] == "amended"
    assert found.keys() >= {"new", "o6"}
    assert "o3" not in found
    assert len(found) == 10


@pytest.mark.std("C1")
def test_the_pretend_hospitals_refusal_shows_its_code(ward: Running, tmp_path: Path) -> None:
    with pytest.raises(RecordError) as caught:
        Server(ward.base).export(ExportRequest("patients", elements=("id",)), tmp_path / "out")
    assert getattr(caught.value, "issues", ()) == ("invalid",)
