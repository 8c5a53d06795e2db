"""Cohort files in three forms; a broken row is its own failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidenote.batch.cohort import Case, read_cohort
from sidenote.batch.errors import CohortInvalid


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text", "cases"),
    [
        ("c.txt", "p1\n# nobody\n\nPatient/p2 s9  # why\n", (Case(1, "p1"), Case(4, "p2", "s9"))),
        ("c.csv", "study,patient\n,p1\nImagingStudy/s1,p2\n", (Case(2, "p1"), Case(3, "p2", "s1"))),
        ("c.jsonl", '{"patient":"p1"}\n\n{"patient":"Patient/p2","study":"s1"}\n', (Case(1, "p1"), Case(3, "p2", "s1"))),
        ("bom.csv", "\ufeffpatient\np1\n", (Case(2, "p1"),)),
    ],
)
def test_reads_every_form(tmp_path: Path, name: str, text: str, cases: tuple[Case, ...]) -> None:
    assert read_cohort(written(tmp_path, name, text)) == cases


def test_a_patient_named_twice_is_one_case(tmp_path: Path) -> None:
    assert read_cohort(written(tmp_path, "c.txt", "p1\np2\nPatient/p1\n")) == (Case(1, "p1"), Case(2, "p2"))


def test_the_same_patient_with_two_studies_is_two_cases(tmp_path: Path) -> None:
    assert len(read_cohort(written(tmp_path, "c.txt", "p1 s1\np1 s2\n"))) == 2


@pytest.mark.fault(60)
@pytest.mark.parametrize(
    ("name", "text", "row"),
    [
        ("c.txt", "p1\n=HYPERLINK(x)\np2\n", 2),
        ("c.txt", "p1\np2 s1 extra\np3\n", 2),
        ("c.jsonl", '{"patient":"p1"}\n{"patient":\n{"patient":"p3"}\n', 2),
        ("c.jsonl", '{"patient":"p1"}\n["p2"]\n{"patient":"p3"}\n', 2),
        ("c.jsonl", '{"patient":"p1"}\n{"patient":7}\n{"patient":"p3"}\n', 2),
        ("c.csv", "patient\np1\n../../etc\np3\n", 3),
    ],
)
def test_only_the_broken_row_fails(tmp_path: Path, name: str, text: str, row: int) -> None:
    cases = read_cohort(written(tmp_path, name, text))
    assert [case.row for case in cases if case.problem] == [row]
    assert len([case for case in cases if not case.problem]) == len(cases) - 1 >= 1


@pytest.mark.parametrize(("name", "text"), [("c.txt", "\n# none\n"), ("c.csv", "person\np1\n"), ("c.jsonl", "")])
def test_a_cohort_without_cases_is_refused(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(CohortInvalid):
        read_cohort(written(tmp_path, name, text))


def test_a_missing_or_binary_cohort_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortInvalid):
        read_cohort(tmp_path / "none.txt")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CohortInvalid):
        read_cohort(tmp_path / "b.txt")
