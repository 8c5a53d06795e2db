"""`sidenote batch` as it is typed: run, status, report and resume over one folder. Killing a run is in batch/test_run.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.patients.story import CLOCK
from sidenote.batch.cohort import Case
from sidenote.batch.ledger import create_ledger
from sidenote.commands.batch import _absolute

Command = Callable[..., Any]


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("https://hospital.example/fhir", "https://hospital.example/fhir"),
        ("http://[::1]:8080/r4", "http://[::1]:8080/r4"),
        ("charts", "{here}/charts"),
        ("./charts/../p1.json", "{here}/p1.json"),
        ("/records/p1.ndjson", "/records/p1.ndjson"),
    ],
)
def test_a_source_is_kept_so_that_it_is_found_from_another_folder(
    source: str, kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _absolute(source) == kept.format(here=tmp_path.resolve())


def test_a_run_is_counted_reported_and_has_nothing_left_to_resume(hospital: Path, command: Command, tmp_path: Path) -> None:
    cohort, run = tmp_path / "cohort.csv", tmp_path / "run"
    cohort.write_text("patient\nckd4-contrast\nnobody\n")
    ended = command(
        "batch", "run", cohort, "--fhir", hospital, "--out", run, "--as-of", CLOCK.isoformat(), "--workers", 1, "--no-image-model"
    )
    assert ended.code == 0, ended.err
    assert "2 cases: 1 needs review, 1 refused" in ended.out
    assert json.loads(command("batch", "status", run).out) == {"cases": 2, "finished": 2, "open": 0}
    results = (run / "results.jsonl").read_bytes()
    assert [(row["patient"], row["status"]) for row in map(json.loads, results.splitlines())] == [
        ("ckd4-contrast", "needs_review"),
        ("nobody", "refused"),
    ]
    for verb in ("report", "resume"):
        again = command("batch", verb, run)
        assert (again.code, again.out) == (0, ended.out)
    assert (run / "results.jsonl").read_bytes() == results


def test_a_run_that_only_began_is_resumed_with_the_options_it_began_with(hospital: Path, command: Command, tmp_path: Path) -> None:
    options = {"sources": [str(hospital)], "as_of": CLOCK.isoformat(), "image_model": False}
    with create_ledger(tmp_path / "run", (Case(1, "shellfish-label"), Case(2, "", problem="no patient")), options):
        pass
    assert json.loads(command("batch", "status", tmp_path / "run").out) == {"cases": 2, "finished": 0, "open": 2}
    ended = command("batch", "resume", tmp_path / "run", "--workers", 1)
    assert ended.code == 0, ended.err
    assert json.loads(command("batch", "status", tmp_path / "run").out)["open"] == 0
    (row,) = [row for row in map(json.loads, (tmp_path / "run" / "results.jsonl").read_text("utf-8").splitlines()) if row["row"] == 1]
    review = json.loads((tmp_path / "run" / "reviews" / f"{row['review_id']}.json").read_bytes())
    assert (review["as_of"], row["reading"], row["fired"]) == (CLOCK.isoformat(), "off", ["C10"])
