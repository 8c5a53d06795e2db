"""All files of a manifest, several together."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fhir.bulk.fetch import Fetched, fetch
from fhir.bulk.files import FileAsker, FileLimits, FileReport
from fhir.bulk.manifest import read_manifest


@pytest.fixture
def fetched(server: Any, wired: Callable[..., Any], tmp_path: Path) -> Callable[..., Fetched]:
    def run(seen: list[FileReport] | None = None, at_once: int = 3) -> Fetched:
        async def go() -> Fetched:
            wire = wired()
            manifest = read_manifest(server.job(None, "/jobs/1").body, server.base)
            asker = FileAsker(wire, FileLimits(attempts=1), with_token=False)
            notes = seen if seen is not None else []
            try:
                return await fetch(asker, manifest, tmp_path, remember=True, at_once=at_once, on_file=notes.append)
            finally:
                await wire.aclose()

        return asyncio.run(go())

    class NoMethod:
        method = "GET"

    real = server.job
    server.jobs.add("/jobs/1")
    server.job = lambda asked, path: real(asked or NoMethod, path)
    return run


def people(*ids: str) -> list[dict[str, Any]]:
    return [{"resourceType": "Patient", "id": one} for one in ids]


@pytest.mark.std("C3")
def test_resources_become_files_and_deletions_and_errors_are_read(server: Any, fetched: Callable[..., Fetched], tmp_path: Path) -> None:
    gone = {"resourceType": "Bundle", "entry": [{"request": {"method": "DELETE", "url": "Patient/p9"}}]}
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "timeout"}]}
    server.holds("a", "Patient", people("p1", "p2"))
    server.holds("b", "Patient", people("p3"))
    server.holds("d", "Bundle", [gone], to="deleted")
    server.holds("e", "OperationOutcome", [outcome], to="error")
    server.holds("e2", "OperationOutcome", [outcome], to="error")
    seen: list[FileReport] = []
    came = fetched(seen)
    assert [(file.name, file.lines) for file in came.files] == [("Patient.0001.ndjson", 2), ("Patient.0002.ndjson", 1)]
    assert came.references == {"Patient/p1", "Patient/p2", "Patient/p3"}
    assert came.deleted == {"Patient/p9"}
    assert came.issues == {("warning", "timeout"): 2}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Patient.0001.ndjson", "Patient.0002.ndjson"]
    assert {file.name for file in seen} == {file.name for file in came.files}


@pytest.mark.std("C3")
def test_deletions_and_errors_that_do_not_come_are_told(server: Any, fetched: Callable[..., Fetched]) -> None:
    server.deleted.append({"type": "Bundle", "url": f"{server.origin}/files/none"})
    server.error.append({"type": "OperationOutcome", "url": f"{server.origin}/files/none"})
    came = fetched()
    assert [(file.resource_type, file.problem) for file in came.deletions] == [("Bundle", "not_there")]
    assert came.issues == {("error", "unreadable"): 1}


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_files_are_fetched_together_than_allowed(server: Any, fetched: Callable[..., Fetched], at_once: int) -> None:
    for name in "abcdef":
        server.holds(name, "Patient", people(name))
    lock, together, most = threading.Lock(), 0, 0
    full = threading.Event()
    real = server.file

    def counted(asked: Any, path: str) -> Any:
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
            if together >= at_once:
                full.set()
        full.wait(60)  # as many as may be have come
        time.sleep(0.03)  # and one more would have by now
        with lock:
            together -= 1
        return real(asked, path)

    server.file = counted
    assert len(fetched(at_once=at_once).references) == 6
    assert most == at_once
