"""A batch survives kill -9: each case once, and the export is that of a run that was left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.patients.hospital import stories
from sidenote.batch.ledger import FILE, open_ledger

PATIENTS = [story.person.id for story in stories() if not story.images] + ["nobody"]
AS_OF = "2026-11-20T09:00:00Z"


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text("utf-8").splitlines()]


def content(folder: Path) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in ("review_id", "seconds")} for row in rows(folder)]


@pytest.mark.slow
@pytest.mark.fault(91)
def test_a_killed_run_resumes_with_each_case_once(tmp_path: Path, hospital: Path, command: Callable[..., Any]) -> None:
    cohort = tmp_path / "cohort.txt"
    cohort.write_text("\n".join(PATIENTS))
    start = ("batch", "run", str(cohort), "--fhir", str(hospital), "--as-of", AS_OF, "--out")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen(
        [sys.executable, "-m", "sidenote", *start, str(killed), "--workers", "2"],
        env={**os.environ, "SIDENOTE_IMAGE_MODEL": "off"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    wait_for_results(killed, 2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with open_ledger(killed) as ledger:
        assert 2 <= ledger.progress.finished < len(PATIENTS)
    for finishing in (("batch", "resume", killed, "--workers", 2), (*start, whole, "--workers", 1)):
        assert command(*finishing, image_model="off").code == 0
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
    tmp_path: Path, hospital: Path, command: Callable[..., Any]
) -> None:
    cohort = tmp_path / "cohort.txt"
    cohort.write_text("nobody\n")
    run = ("batch", "run", cohort, "--as-of", AS_OF, "--out", tmp_path / "run", "--workers", 1, "--fhir")
    command(*run, tmp_path / "none", image_model="off").refused("source_missing", "cohort.txt")
    assert command(*run, hospital, image_model="off").code == 0
    command(*run, hospital, image_model="off").refused("run_exists", "cohort.txt")
    command("batch", "resume", tmp_path / "elsewhere").refused("run_missing", "elsewhere")
