"""A batch survives kill -9: each case once, and the export is that of a run that was left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.patients.hospital import stories
from sidenote.batch.ledger import open_ledger

ROOT = Path(__file__).parents[3]
PATIENTS = [story.person.id for story in stories() if not story.images] + ["nobody"]
AS_OF = "2026-11-20T09:00:00Z"


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text("utf-8").splitlines()]


def content(folder: Path) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in ("review_id", "seconds")} for row in rows(folder)]


KILLED = """
import os, signal
from sidenote.batch.ledger import Ledger
from sidenote.cli import main

finish, told = Ledger.finish, []

def finished(ledger, case, result):
    finish(ledger, case, result)
    told.append(case)
    if len(told) == 2:
        os.killpg(os.getpid(), signal.SIGKILL)  # the workers too, each in the middle of a case

Ledger.finish = finished
main()
"""
"""Killed from without, a batch might be through before it is."""


@pytest.mark.slow
@pytest.mark.fault(91)
def test_a_killed_run_resumes_with_each_case_once(tmp_path: Path, hospital: Path, command: Callable[..., Any]) -> None:
    cohort = tmp_path / "cohort.txt"
    cohort.write_text("\n".join(PATIENTS))
    start = ("batch", "run", str(cohort), "--fhir", str(hospital), "--as-of", AS_OF, "--out")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.run(
        [sys.executable, "-c", KILLED, *start, str(killed), "--workers", "2"], check=False, cwd=ROOT,
        env={**os.environ, "SIDENOTE_IMAGE_MODEL": "off"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert process.returncode == -signal.SIGKILL
    with open_ledger(killed) as ledger:
        assert ledger.progress.finished == 2 < len(PATIENTS)
    for finishing in (("batch", "resume", killed, "--workers", 2), (*start, whole, "--workers", 1)):
        assert command(*finishing, image_model="off").code == 0
    assert [row["patient"] for row in rows(killed)] == PATIENTS
    assert content(killed) == content(whole)
    assert rows(killed)[-1]["problem"]["code"] == "unknown_patient"


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
