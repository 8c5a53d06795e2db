"""Files of an export: whole or not at all, from a real server that cuts them off, packs them and serves them late."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fhir.bulk.files import FileAsker, FileLimits, FileReport, download
from fhir.bulk.manifest import ExportedFile

Download = Callable[..., tuple[FileReport, frozenset[str]]]


@pytest.fixture
def fetched(server: Any, wired: Callable[..., Any], tmp_path: Path) -> Download:
    def run(count: int | None = None, limits: FileLimits | None = None, remember: bool = True) -> tuple[FileReport, frozenset[str]]:
        async def go() -> tuple[FileReport, frozenset[str]]:
            wire = wired()
            asker = FileAsker(wire, limits or FileLimits(attempts=3, wait=0.001), with_token=False)
            try:
                file = ExportedFile("Patient", f"{server.origin}/files/p", count)
                return await download(asker, file, tmp_path / "Patient.0001.ndjson", remember=remember)
            finally:
                await wire.aclose()

        return asyncio.run(go())

    return run


def people(number: int) -> list[dict[str, Any]]:
    return [{"resourceType": "Patient", "id": f"p{place}"} for place in range(number)]


def ids(folder: Path) -> list[str]:
    return [json.loads(line)["id"] for line in (folder / "Patient.0001.ndjson").read_bytes().splitlines()]


@pytest.mark.std("C4")
@pytest.mark.parametrize("packed", ["", "encoding", "file"])
def test_a_file_comes_plain_or_packed_in_either_way(server: Any, fetched: Download, tmp_path: Path, packed: str) -> None:
    server.holds("p", "Patient", people(3), packed=packed)
    report, references = fetched(3)
    assert (report.lines, report.state) == (3, "complete")
    assert references == {"Patient/p0", "Patient/p1", "Patient/p2"}
    assert ids(tmp_path) == ["p0", "p1", "p2"]


@pytest.mark.std("C4")
@pytest.mark.fault(3)
def test_a_file_that_is_cut_off_is_asked_again_from_its_beginning_and_no_line_comes_twice(
    server: Any, fetched: Download, reply: Any, tmp_path: Path, as_ndjson: Any
) -> None:
    server.holds("p", "Patient", people(40))
    text = as_ndjson(*people(40))
    server.scripted("GET", "/files/p", reply(200, text, cut=1200), reply(503, b"", {"Retry-After": "0"}))
    report, references = fetched(40)
    assert report.state == "complete"
    assert ids(tmp_path) == [f"p{place}" for place in range(40)]
    assert len(references) == 40
    assert len(server.methods("/files/p")) == 3


@pytest.mark.fault(3)
def test_a_file_that_is_always_cut_off_leaves_nothing(server: Any, fetched: Download, reply: Any, tmp_path: Path, as_ndjson: Any) -> None:
    text = as_ndjson(*people(40))
    server.scripted("GET", "/files/p", *(reply(200, text, cut=at) for at in (0, 30, 1200)))
    report, references = fetched()
    assert (report.problem, report.state, report.lines, references) == ("fhir_unreachable", "failed", 0, frozenset())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.std("C4")
def test_bad_lines_are_told_by_number_and_the_others_come(server: Any, fetched: Download, as_ndjson: Any, tmp_path: Path) -> None:
    one, two = people(2)
    server.holds("p", "Patient", as_ndjson(one, b'{"resourceType":"Pat', two, {"resourceType": "Group", "id": "g"}))
    report, _ = fetched(4)
    assert [(bad.line, bad.code) for bad in report.bad] == [(2, "bad_json"), (4, "wrong_type")]
    assert (report.lines, report.bad_lines, report.state) == (2, 2, "truncated")
    assert ids(tmp_path) == ["p0", "p1"]


@pytest.mark.parametrize(("promised", "state"), [(None, "complete"), (2, "complete"), (3, "truncated"), (1, "truncated")])
def test_what_came_is_compared_with_what_was_promised(server: Any, fetched: Download, promised: int | None, state: str) -> None:
    server.holds("p", "Patient", people(2))
    assert fetched(promised)[0].state == state


def test_an_empty_file_is_complete_and_leaves_no_file(server: Any, fetched: Download, tmp_path: Path, reply: Any) -> None:
    server.holds("p", "Patient", b"")
    assert fetched(0)[0].state == "complete"
    server.scripted("GET", "/files/p", reply(204))
    assert fetched()[0].state == "complete"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "kind", "problem", "state"),
    [
        (401, "", "fhir_access_refused", "refused"),
        (403, "", "fhir_access_refused", "refused"),
        (404, "", "not_there", "failed"),
        (410, "", "deleted", "failed"),
        (302, "", "not_fhir", "failed"),
        (206, "application/fhir+ndjson", "not_fhir", "failed"),
        (200, "text/html; charset=utf-8", "not_fhir", "failed"),
    ],
)
def test_a_file_that_is_not_given_is_told_with_its_code(
    server: Any, fetched: Download, reply: Any, status: int, kind: str, problem: str, state: str
) -> None:
    server.scripted("GET", "/files/p", reply(status, b"{}", {"Content-Type": kind}))
    report, _ = fetched()
    assert (report.problem, report.state) == (problem, state)
    assert len(server.methods("/files/p")) == 1, "asking again cannot help"


def test_a_file_larger_than_allowed_is_told(server: Any, fetched: Download, tmp_path: Path) -> None:
    server.holds("p", "Patient", people(100))
    assert fetched(limits=FileLimits(file=500))[0].problem == "source_error"
    assert list(tmp_path.iterdir()) == []


def test_only_the_first_thousand_bad_lines_are_named_and_all_are_counted(server: Any, fetched: Download) -> None:
    server.holds("p", "Patient", b"{\n" * 1500)
    report, _ = fetched()
    assert (len(report.bad), report.bad_lines) == (1000, 1500)


def test_a_long_file_is_never_held_whole(server: Any, fetched: Download, as_ndjson: Any, tmp_path: Path) -> None:
    line = as_ndjson({"resourceType": "Patient", "id": "p", "contact": [{"name": {"text": "x" * 4000}}]})
    server.holds("p", "Patient", line * 10_000, packed="file")
    del line
    tracemalloc.start()
    try:
        report, _ = fetched(10_000, remember=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (report.lines, report.state) == (10_000, "complete")
    assert (tmp_path / "Patient.0001.ndjson").stat().st_size > 40_000_000
    assert peak < 12_000_000
