"""`sidenote export` as it is typed, against the pretend hospital's server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fhir.bulk.export import Progress
from fhir.bulk.request import ExportRequest
from fhir.bulk.state import ExportState, described
from fhir.files import read_chart
from sandbox.ehr.config import BulkConfig, Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store
from sidenote.commands.export import summary, told

Command = Callable[..., Any]
PERSON = "ckd4-contrast"


@pytest.fixture
def ehr(hospital: Path) -> Iterator[Running]:
    bundles = [json.loads(path.read_bytes()) for path in sorted(hospital.rglob("*.json"))]
    store = Store(one for one in bundles if one.get("resourceType") == "Bundle")
    store.load([{"resourceType": "Group", "id": "g1", "actual": True, "member": [{"entity": {"reference": f"Patient/{PERSON}"}}]}])
    with running(store, Config(bulk=BulkConfig(polls=0))) as started:
        yield started


@pytest.mark.std("C1")
def test_all_patients_come_into_a_folder_that_a_review_reads(ehr: Running, hospital: Path, command: Command, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = command("export", "--fhir", ehr.base, "--patients", "--out", out)
    assert ended.code == 0, ended.err
    assert "resources came, 0 are gone" in ended.out
    assert (out / "cohort.txt").read_text().split() == sorted(version.id for version in ehr.store.of_type("Patient"))
    there, here = read_chart(hospital, PERSON), read_chart(out, PERSON)
    assert {fact.reference for fact in here.facts} == {fact.reference for fact in there.facts}
    review = command("review", PERSON, "--fhir", out, "--no-image-model", "--format", "json")
    assert review.code == 0, review.err
    assert (
        json.loads(review.out)["patient"]
        == json.loads(command("review", PERSON, "--fhir", hospital, "--format", "json", "--no-image-model").out)["patient"]
    )


@pytest.mark.std("C6")
def test_who_does_not_come_is_named_and_the_exit_code_says_so(ehr: Running, command: Command, tmp_path: Path) -> None:
    group = json.loads(ehr.store.current("Group/g1").raw)  # type: ignore[union-attr]
    group["member"].append({"entity": {"reference": "Patient/gone"}})
    ehr.store.load([group])
    ended = command("export", "--fhir", ehr.base, "--group", "g1", "--type", "Condition", "--out", tmp_path / "out")
    assert ended.code == 3
    assert ended.problem["code"] == "export_incomplete"
    assert "patients that did not come: gone" in ended.out
    assert (tmp_path / "out" / "cohort.txt").read_text() == f"{PERSON}\ngone  # did not come with the export\n"


@pytest.mark.std("C6")
def test_a_batch_over_the_cohort_has_a_row_for_who_did_not_come(hospital: Path, command: Command, tmp_path: Path) -> None:
    cohort = tmp_path / "cohort.txt"
    cohort.write_text(f"gone  # did not come with the export\n{PERSON}\n")
    ended = command("batch", "run", cohort, "--fhir", hospital, "--out", tmp_path / "run", "--workers", 1, "--no-image-model")
    assert ended.code == 0, ended.err
    rows = [json.loads(line) for line in (tmp_path / "run" / "results.jsonl").read_text().splitlines()]
    assert {row["patient"]: row["status"] for row in rows}["gone"] == "refused"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--patients", "--system"],
        [],
        ["--patients", "--group", "g1"],
        ["--patients", "--since", "yesterday"],
        ["--patients", "--fhir", "http://127.0.0.1:9/fhir?x=1"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_are_usage_errors(command: Command, tmp_path: Path, arguments: list[str]) -> None:
    assert command("export", "--fhir", "http://127.0.0.1:9/fhir", "--out", tmp_path / "out", *arguments).code == 2


@pytest.mark.parametrize(
    ("base", "arguments", "code"),
    [
        ("http://127.0.0.1:9/fhir", ["--patients"], "fhir_unreachable"),
        ("not a url", ["--patients"], "elsewhere_refused"),
        ("http://127.0.0.1:9/fhir", ["--group", "../../x"], "request_refused"),
        ("http://127.0.0.1:9/fhir", ["--patients", "--type", "no type"], "request_refused"),
    ],
)
def test_what_cannot_be_done_is_a_refusal_and_leaves_no_folder(
    command: Command, tmp_path: Path, base: str, arguments: list[str], code: str
) -> None:
    ended = command("export", "--fhir", base, "--out", tmp_path / "out", *arguments)
    assert (ended.code, ended.problem["code"], ended.out) == (3, code, "")
    assert not (tmp_path / "out").exists()


@pytest.mark.fault(93)
def test_a_folder_that_cannot_be_written_is_a_refusal(ehr: Running, command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = command("export", "--fhir", ehr.base, "--patients", "--out", tmp_path / "file" / "out")
    assert (ended.code, ended.problem["code"]) == (3, "output_failed")


HEARING = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("sidenote", run_name="__main__")
"""
"""What a shell runs in the background ignores SIGINT, and so do its children: a suite that is run there would wait for ever."""


@pytest.mark.std("C2")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_takes_the_export_off_the_server_and_leaves_nothing(hospital: Path, tmp_path: Path, stop: signal.Signals) -> None:
    store = Store([{"resourceType": "Patient", "id": "p1"}])
    with running(store, Config(bulk=BulkConfig(polls=10**6))) as ehr:
        arguments = ["export", "--fhir", ehr.base, "--patients", "--out", str(tmp_path / "out")]
        environment = {**os.environ, "SIDENOTE_HOME": str(tmp_path / "home")}
        with subprocess.Popen([sys.executable, "-c", HEARING, *arguments], stderr=subprocess.PIPE, env=environment) as process:
            deadline = time.monotonic() + 60
            while not any("_export" in exchange.path for exchange in ehr.faults.log) and time.monotonic() < deadline:
                time.sleep(0.02)
            process.send_signal(stop)
            try:
                _, told_ = process.communicate(timeout=60)
            finally:
                process.kill()
        assert process.returncode == 1
        assert told_.decode().strip() == "Aborted!"
        assert [exchange.method for exchange in ehr.faults.log][-1] == "DELETE"
    assert not (tmp_path / "out").exists()


def test_progress_is_told_in_words() -> None:
    assert told(Progress("waiting")) == "the server prepares the files"
    assert told(Progress("waiting", "[37] % done")) == "the server prepares the files: [37] % done"
    assert told(Progress("fetching", files=1, of=3, lines=12345)) == "fetching files: 12,345 resources"


def test_the_summary_names_everything_that_is_missing_and_counts_what_is_too_much() -> None:
    bad = [{"line": number, "code": "bad_json"} for number in range(1, 31)]
    files = (
        {"name": "Patient.0001.ndjson", "resource_type": "Patient", "lines": 1234, "problem": None, "bad": bad},
        {"name": "Flag.0002.ndjson", "resource_type": "Flag", "lines": 0, "problem": "elsewhere_refused", "bad": []},
    )
    state = ExportState(
        "https://ehr.example",
        described(ExportRequest("group", "g1")),
        None,
        "2026-11-20T09:00:00Z",
        None,
        ("run-0001",),
        states={"Patient": "truncated", "Flag": "failed", "Goal": "complete"},
        files=files,
        issues=(("error", "exception", 2),),
        deleted=3,
    )
    lines = list(summary(state, Path("an out")))
    assert lines[0] == "1,234 resources came, 3 are gone; the folder holds the record as of 2026-11-20T09:00:00Z"
    assert "who is in the group is not known: whether everybody came cannot be told" in lines
    assert [line for line in lines if line.startswith(("Flag", "Patient", "Goal"))] == [
        "Flag: failed",
        "Patient: truncated",
        "Flag.0002.ndjson: elsewhere_refused",
    ]
    assert any(line.endswith("Patient.0001.ndjson line 20: bad_json and 10 more") for line in lines)
    assert "the server reported error, exception: 2 times" in lines
    assert lines[-1] == "review them: sidenote batch run 'an out/cohort.txt' --fhir 'an out' --out RUN"
