"""An export from the kick-off to a folder, against a real server on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fhir.bulk.export import Course, Progress, export
from fhir.bulk.poll import Patience
from fhir.bulk.request import ExportRequest
from fhir.bulk.state import ExportState
from fhir.chart import Chart
from fhir.errors import DeadlinePassed, ElsewhereRefused, ExportFailed, RequestRefused
from fhir.source import open_source
from fhir.wire.authorization import Bearer

Body = dict[str, Any]
Export = Callable[..., ExportState]
T1, T2, T3 = "2026-11-20T09:00:00.000Z", "2026-11-21T09:00:00.000Z", "2026-11-22T09:00:00.000Z"


def person(name: str, **more: Any) -> Body:
    return {"resourceType": "Patient", "id": name, "gender": "female", "birthDate": "1960-05-17", **more}


def group(*ids: str, inactive: tuple[str, ...] = ()) -> Body:
    members = [{"entity": {"reference": f"Patient/{one}"}, "inactive": one in inactive} for one in ids]
    return {"resourceType": "Group", "id": "g1", "type": "person", "actual": True, "member": members}


def lines(folder: Path) -> list[Body]:
    return [json.loads(line) for file in sorted(folder.rglob("*.ndjson")) for line in file.read_bytes().splitlines()]


def chart_of(folder: Path, patient: str) -> Chart:
    async def read() -> Chart:
        source = open_source(folder)
        try:
            return await source.chart(patient)
        finally:
            await source.aclose()

    return asyncio.run(read())


@pytest.mark.std("C1")
@pytest.mark.std("C2")
@pytest.mark.std("C4")
def test_an_export_becomes_a_folder_that_is_a_source(
    server: Any, exported: Export, observation: Callable[..., Body], tmp_path: Path
) -> None:
    server.polls = 2
    server.holds("p", "Patient", [person("p1"), person("p2")], count=2)
    server.holds("o", "Observation", [observation("o1"), observation("o2", "Patient/p2")], count=2)
    seen: list[Progress] = []
    state = exported(seen=seen)
    assert state.complete
    assert (state.transaction_time, state.next_since, state.runs) == (T1, T1, ("run-0001",))
    assert [one.word for one in seen if one.stage == "waiting"] == ["1 to go", "0 to go"]
    assert [(one.files, one.of, one.lines) for one in seen if one.stage == "fetching"][-1] == (2, 2, 4)
    chart = chart_of(tmp_path / "out", "p2")
    assert [fact.reference for fact in chart.facts] == ["Observation/o2"]
    assert (tmp_path / "out" / "cohort.txt").read_text() == "p1\np2\n"
    assert not server.jobs, "what was fetched is taken off the server"


def test_what_was_exported_is_for_its_owner_alone(server: Any, exported: Export, tmp_path: Path) -> None:
    server.holds("p", "Patient", [person("p1")])
    exported()
    folder = tmp_path / "out"
    assert [oct(path.stat().st_mode & 0o077) for path in (folder, *folder.rglob("*"))] == ["0o0"] * len([folder, *folder.rglob("*")])


@pytest.mark.std("C1")
def test_a_group_is_exported_by_its_id_and_a_list_of_patients_by_post(server: Any, exported: Export, tmp_path: Path) -> None:
    server.holds("p", "Patient", [person("p1")])
    server.resources["Group/g1"] = group("p1")
    assert exported(ExportRequest("group", "g1")).members == ("p1",)
    assert server.methods("/fhir/Group/g1/$export") == ["GET"]
    assert exported(ExportRequest("group", "g1", patients=("p1",)), out=tmp_path / "two").complete
    assert server.methods("/fhir/Group/g1/$export") == ["GET", "POST"]


@pytest.mark.std("C1")
@pytest.mark.parametrize(("status", "code"), [(400, "invalid"), (422, "processing"), (501, "not-supported")])
def test_a_refused_kick_off_shows_the_codes_and_none_of_the_words(
    server: Any, exported: Export, refusal: Callable[..., Any], status: int, code: str, tmp_path: Path
) -> None:
    server.scripted("GET", "/fhir/Patient/$export", refusal(status, code))
    with pytest.raises(RequestRefused, match=code) as caught:
        exported()
    assert caught.value.issues == (code,)
    assert "Canary" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.std("C1")
def test_a_kick_off_without_content_location_is_an_error(server: Any, exported: Export, reply: Any) -> None:
    server.scripted("GET", "/fhir/Patient/$export", reply(202), reply(200))
    for _ in range(2):
        with pytest.raises(ExportFailed, match="Content-Location"):
            exported()


@pytest.mark.fault(9)
def test_a_status_url_elsewhere_is_not_asked(server: Any, another: Any, exported: Export, reply: Any) -> None:
    elsewhere = another()
    server.scripted("GET", "/fhir/Patient/$export", reply(202, b"", {"Content-Location": f"{elsewhere.origin}/jobs/1"}))
    with pytest.raises(ElsewhereRefused):
        exported(authorization=Bearer("canary"))
    assert elsewhere.asked == []


@pytest.mark.std("C4")
def test_the_token_goes_along_only_when_it_is_required_and_only_where_it_is_trusted(
    server: Any, another: Any, exported: Export, tmp_path: Path
) -> None:
    server.token, store = "canary", another()
    server.holds("p", "Patient", [person("p1")])
    store.holds("p", "Patient", [person("p2")])
    server.output += store.output
    assert exported(authorization=Bearer("canary"), plain=(store.origin,)).complete, "a strict server refuses a token it did not ask for"
    server.requires_access_token = True
    state = exported(authorization=Bearer("canary"), plain=(store.origin,), out=tmp_path / "again")
    assert state.complete
    assert [one.headers.get("authorization") for one in store.asked] == [None, None]


@pytest.mark.std("C4")
def test_a_file_on_a_host_that_is_not_on_the_list_is_not_asked_for_and_told(server: Any, another: Any, exported: Export) -> None:
    store = another()
    store.holds("o", "Observation", [])
    server.holds("p", "Patient", [person("p1")])
    server.output += store.output
    state = exported()
    assert not state.complete
    assert dict(state.states)["Observation"] == "failed"
    assert [file["problem"] for file in state.files] == [None, "elsewhere_refused"]
    assert store.asked == []
    assert state.next_since is None, "the next run brings everything"


@pytest.mark.std("C4")
@pytest.mark.fault(6)
def test_a_token_that_expires_between_files_is_renewed_and_the_file_asked_again(server: Any, exported: Export, tmp_path: Path) -> None:
    class Renewing:
        def __init__(self) -> None:
            self.value, self.renewals = "old", 0

        async def header(self) -> str:
            return f"Bearer {self.value}"

        async def renew(self, stale: str | None) -> bool:
            self.renewals += stale == "Bearer old"
            self.value = "new"
            return True

    server.token = "old"
    server.requires_access_token = True
    server.holds("p", "Patient", [person("p1"), person("p2")], count=2)
    wait = server.file

    def expiring(asked: Any, path: str) -> Any:
        server.token = "new"
        return wait(asked, path)

    server.file = expiring
    authorization = Renewing()
    assert exported(authorization=authorization).complete
    assert authorization.renewals == 1
    assert [one["id"] for one in lines(tmp_path / "out")] == ["p1", "p2"]


@pytest.mark.std("C2")
@pytest.mark.parametrize(
    ("fault", "error"), [("no manifest", ExportFailed), ("no end", DeadlinePassed), ("no space", OSError), ("a defect", ZeroDivisionError)]
)
def test_an_export_that_fails_is_deleted_on_the_server_and_leaves_nothing(
    server: Any, exported: Export, quick: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, error: type[Exception]
) -> None:
    def fails(*_: object) -> None:
        raise error

    server.holds("p", "Patient", [person("p1")])
    if fault == "no manifest":
        server.transaction_time = "yesterday"
    elif fault == "no end":
        server.polls = 10**9
        quick = replace(quick, patience=Patience(first=0.001, longest=0.01, total=0.05))
    elif fault == "no space":
        monkeypatch.setattr("os.fsync", fails)
    else:
        monkeypatch.setattr("fhir.bulk.files.checked", fails)
    with pytest.raises(error):
        exported(course=quick)
    assert not server.jobs
    assert [one.method for one in server.asked][-1] == "DELETE"
    assert not (tmp_path / "out").exists()


@pytest.mark.std("C2")
def test_a_cancelled_export_is_deleted_on_the_server_and_leaves_nothing(
    server: Any, wired: Callable[..., Any], quick: Course, tmp_path: Path
) -> None:
    server.polls = 10**9

    async def go() -> None:
        wire = wired()
        task = asyncio.create_task(export(wire, server.base, ExportRequest("system"), tmp_path / "out", course=quick))
        while not server.jobs:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await wire.aclose()

    asyncio.run(go())
    assert not server.jobs
    assert not (tmp_path / "out").exists()


@pytest.mark.std("C5")
def test_the_next_run_asks_since_the_last_and_replaces_what_changed_or_is_gone(
    server: Any, exported: Export, observation: Callable[..., Body], tmp_path: Path
) -> None:
    server.holds("p", "Patient", [person("p1"), person("p2")])
    server.holds("o", "Observation", [observation("o1"), observation("o2"), observation("o3", "Patient/p2")])
    exported()
    server.output, server.transaction_time = [], T2
    server.holds("o2", "Observation", [observation("o1", status="amended"), observation("o4")])
    gone = {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "DELETE", "url": "Observation/o2"}}]}
    server.holds("d", "Bundle", [gone], to="deleted")
    state = exported()
    (kick_off,) = [one.path for one in server.asked if "$export" in one.path][1:]
    assert "_since=2026-11-20T09%3A00%3A00.000Z" in kick_off
    assert (state.runs, state.next_since, state.deleted) == (("run-0001", "run-0002"), T2, 1)
    found = {one["id"]: one.get("status") for one in lines(tmp_path / "out")}
    assert found == {"p1": None, "p2": None, "o1": "amended", "o3": "final", "o4": "final"}
    assert {fact.id for fact in chart_of(tmp_path / "out", "p1").facts} == {"o1", "o4"}


@pytest.mark.std("C5")
@pytest.mark.std("C3")
def test_a_run_that_missed_something_is_made_again_from_where_it_began(
    server: Any, exported: Export, observation: Callable[..., Body], refusal: Callable[..., Any], tmp_path: Path
) -> None:
    server.holds("p", "Patient", [person("p1")])
    server.holds("o", "Observation", [observation("o1")])
    server.scripted("GET", "/files/o", refusal(403, "forbidden"))
    state = exported()
    assert (state.next_since, dict(state.states)["Observation"]) == (None, "refused")
    server.transaction_time = T2
    state = exported()
    assert [one.path for one in server.asked if "_since" in one.path] == []
    assert (state.complete, state.next_since, state.runs) == (True, T2, ("run-0002",))
    server.transaction_time = T3
    server.error.append({"type": "OperationOutcome", "url": f"{server.origin}/files/none"})
    state = exported()
    assert (state.next_since, state.issues) == (T2, (("error", "unreadable", 1),))


@pytest.mark.std("C6")
def test_members_of_the_group_that_do_not_come_are_told(server: Any, exported: Export, tmp_path: Path) -> None:
    server.resources["Group/g1"] = group("p1", "p2", "p3", "p4", inactive=("p4",))
    server.holds("p", "Patient", [person("p1"), person("p3")])
    state = exported(ExportRequest("group", "g1"))
    assert (state.members, state.missing, state.complete) == (("p1", "p2", "p3"), ("p2",), False)
    assert (tmp_path / "out" / "cohort.txt").read_text() == "p1\np2  # did not come with the export\np3\n"


@pytest.mark.std("C6")
@pytest.mark.std("C5")
def test_who_joins_a_group_brings_a_whole_history_and_who_leaves_it_goes(server: Any, exported: Export, tmp_path: Path) -> None:
    server.resources["Group/g1"] = group("p1")
    server.holds("p", "Patient", [person("p1")])
    exported(ExportRequest("group", "g1"))
    server.resources["Group/g1"] = group("p1", "p2")
    server.holds("p2", "Patient", [person("p2")])
    server.transaction_time = T2
    assert exported(ExportRequest("group", "g1")).complete
    server.resources["Group/g1"] = group("p2")
    server.output.pop(0)
    assert exported(ExportRequest("group", "g1")).complete
    assert [one.path for one in server.asked if "_since" in one.path] == []
    assert (tmp_path / "out" / "cohort.txt").read_text() == "p2\n"


@pytest.mark.std("C6")
def test_a_group_that_cannot_be_read_has_members_nobody_knows(server: Any, exported: Export) -> None:
    server.holds("p", "Patient", [person("p1")])
    state = exported(ExportRequest("group", "g1"))
    assert (state.members, state.missing, state.complete) == (None, (), True)


@pytest.mark.std("C3")
def test_what_the_server_says_went_wrong_is_counted_by_code_and_makes_absent_types_doubtful(
    server: Any, exported: Export, tmp_path: Path
) -> None:
    said = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception", "diagnostics": "Mrs Canary"}]}
    server.holds("p", "Patient", [person("p1")])
    server.holds("e", "OperationOutcome", [said, said], to="error")
    server.extra = {"extension": {"resourceType": "Patient", "size": 1.50}}
    state = exported()
    assert state.issues == (("error", "exception", 2),)
    assert dict(state.states)["MedicationRequest"] == "failed"
    assert dict(state.states)["Patient"] == "complete"
    assert json.loads(state.unknown) == {"extension": {"resourceType": "Patient", "size": 1.5}}
    assert "Canary" not in (tmp_path / "out" / "export.json").read_text()
    assert chart_of(tmp_path / "out", "p1").facts == ()


def test_a_folder_that_holds_something_else_is_refused_before_anything_is_asked(server: Any, exported: Export, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(ExportFailed):
        exported()
    assert server.asked == []
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"


def test_a_folder_of_another_export_is_refused(server: Any, exported: Export) -> None:
    server.holds("p", "Patient", [person("p1")])
    exported()
    with pytest.raises(ExportFailed, match="of others or of other types"):
        exported(ExportRequest("system"))
    with pytest.raises(ExportFailed, match="in between"):
        exported(ExportRequest("patients", since=T3))


@pytest.mark.fault(102)
def test_a_run_that_was_killed_is_removed_by_the_next(server: Any, exported: Export, tmp_path: Path) -> None:
    server.holds("p", "Patient", [person("p1")])
    exported()
    for left in (".incoming", "run-0007"):
        (tmp_path / "out" / left).mkdir()
        (tmp_path / "out" / left / "Patient.0001.ndjson").write_text('{"resourceType":"Patient","id":"ghost"}\n')
    assert exported().complete
    assert {one["id"] for one in lines(tmp_path / "out")} == {"p1"}


def test_a_run_that_is_refused_leaves_the_folder_as_it_was(server: Any, exported: Export, refusal: Any, tmp_path: Path) -> None:
    server.holds("p", "Patient", [person("p1")])
    exported()
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    server.scripted("GET", "/fhir/Patient/$export", refusal(400, "invalid"))
    with pytest.raises(RequestRefused):
        exported()
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before
