"""The ledger keeps each case once, whatever happens around it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sidenote.batch.cohort import Case
from sidenote.batch.errors import RunExists, RunMissing
from sidenote.batch.ledger import create_ledger, open_ledger

CASES = (Case(1, "p1"), Case(2, "p2", "s1"), Case(3, "", problem="not a JSON object"))


def test_remembers_cases_options_and_progress(tmp_path: Path) -> None:
    with create_ledger(tmp_path, CASES, {"as_of": "now"}) as ledger:
        assert ledger.open_cases() == CASES
        ledger.finish(CASES[1], {"patient": "p2", "status": "presented"})
    with open_ledger(tmp_path) as ledger:
        assert ledger.options == {"as_of": "now"}
        assert (ledger.progress.total, ledger.progress.finished) == (3, 1)
        assert ledger.open_cases() == (CASES[0], CASES[2])


def test_a_second_result_of_a_case_does_not_replace_the_first(tmp_path: Path) -> None:
    with create_ledger(tmp_path, CASES, {}) as ledger:
        ledger.finish(CASES[0], {"patient": "p1", "try": 1})
        ledger.finish(CASES[0], {"patient": "p1", "try": 2})
        assert [result["try"] for result in ledger.results()] == [1]


def test_counts_attempts_across_openings(tmp_path: Path) -> None:
    with create_ledger(tmp_path, CASES, {}) as ledger:
        assert ledger.admit(CASES[0]) == 1
    with open_ledger(tmp_path) as ledger:
        assert ledger.admit(CASES[0]) == 2


def test_exports_in_the_cohorts_order(tmp_path: Path) -> None:
    with create_ledger(tmp_path, CASES, {}) as ledger:
        for case in reversed(CASES):
            ledger.finish(case, {"row": case.row})
        ledger.export(tmp_path / "results.jsonl")
    rows = [json.loads(line)["row"] for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert rows == [1, 2, 3]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".results")]


def test_refuses_a_folder_that_holds_a_run_and_one_that_holds_none(tmp_path: Path) -> None:
    with pytest.raises(RunMissing), open_ledger(tmp_path):
        pass
    with create_ledger(tmp_path, CASES, {}):
        pass
    with pytest.raises(RunExists), create_ledger(tmp_path, CASES, {}):
        pass
