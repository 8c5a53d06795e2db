"""A batch survives kill -9: each case once, and the export is that of a run that was left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.patients.hospital import stories
from sidenote.batch.ledger import FILE, open_ledger

PATIENTS = [story.person.id for story in stories() if not story.images] + ["nobody"]
AS_OF = "2026-11-20T09:00:00Z"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sidenote", "batch", *arguments]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "SIDENOTE_HOME": str(tmp_path / "home"), "SIDENOTE_IMAGE_MODEL": "off"}


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text("utf-8").splitlines()]


def content(folder: Path) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in ("review_id", "seconds")} for row in rows(folder)]


@pytest.mark.slow
@pytest.mark.fault(91)
def test_a_killed_run_resumes_with_each_case_once(tmp_path: Path, hospital: Path, environment: dict[str, str]) -> None:
    cohort = tmp_path / "cohort.txt"
    cohort.write_text("\n".join(PATIENTS))
    start = command("run", str(cohort), "--fhir", str(hospital), "--as-of", AS_OF, "--workers", "2", "--out")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen(
        [*start, str(killed)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_for_results(killed, 2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with open_ledger(killed) as ledger:
        assert 2 <= ledger.progress.finished < len(PATIENTS)
    for finishing in (command("resume", str(killed), "--workers", "2"), [*start, str(whole)]):
        subprocess.run(finishing, env=environment, check=True, capture_output=True)
    assert [row["patient"] for row in rows(killed)] == PATIENTS
    assert content(killed) == content(whole)
    assert rows(killed)[-1]["problem"]["code"] == "unknown_patient"


def wait_for_results(folder: Path, many: int) -> None:
    for _ in range(1200):
        if (folder / FILE).exists():
            with open_ledger(folder) as ledger:
                if ledger.progress.finished >= many:
                    return
        time.sleep(0.05)
    raise AssertionError("the batch produced nothing in a minute")


def test_refuses_a_folder_with_a_run_a_missing_source_and_a_missing_run(
    tmp_path: Path, hospital: Path, environment: dict[str, str]
) -> None:
    cohort = tmp_path / "cohort.txt"
    cohort.write_text("nobody\n")
    run = command("run", str(cohort), "--as-of", AS_OF, "--out", str(tmp_path / "run"), "--workers", "1", "--fhir")
    for arguments, code in (
        ([*run, str(tmp_path / "none")], "source_missing"),
        ([*run, str(hospital)], None),
        ([*run, str(hospital)], "run_exists"),
        (command("resume", str(tmp_path / "elsewhere")), "run_missing"),
    ):
        done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
        if code is None:
            assert done.returncode == 0, done.stderr
        else:
            assert done.returncode == 3
            assert json.loads(done.stderr.splitlines()[-1])["code"] == code
