"""The table of which statement is proved by which test, made from small suites of our own."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "conformance.py"
Run = Callable[..., subprocess.CompletedProcess[str]]
SUITE = """
import pytest

pytestmark = pytest.mark.std("H6")


@pytest.mark.std("A1")
@pytest.mark.fault(12)
def test_one():
    raise AssertionError("collected, never run")


@pytest.mark.parametrize("number", [1, pytest.param(2, marks=pytest.mark.fault(13)), 3])
def test_many(number):
    pass
"""


@pytest.fixture(scope="module")
def conformance() -> ModuleType:
    spec = importlib.util.spec_from_file_location("conformance", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["conformance"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def of(suite: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_suite.py").write_text(suite)
        command = [sys.executable, str(SCRIPT), str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    return of


def statements() -> set[str]:
    sizes = {"A": 22, "B": 14, "C": 6, "D": 5, "E": 8, "F": 4, "H": 6}
    return {f"{letter}{number}" for letter, size in sizes.items() for number in range(1, size + 1)} | {"G"}


def test_the_catalogue_has_every_statement_and_every_fault_with_a_text_of_its_own(conformance: ModuleType) -> None:
    catalogue = conformance.read_catalogue(ROOT / "docs")
    assert {name for marker, name in catalogue if marker == "std"} == statements()
    assert {name for marker, name in catalogue if marker == "fault"} == {str(number) for number in range(1, 124)}
    texts = list(catalogue.values())
    assert len(set(texts)) == len(texts)
    assert [text for text in texts if not 5 < len(text) <= 130 or text != text.strip()] == []


def test_a_marker_is_found_on_a_test_its_module_and_one_of_its_cases_and_every_id_has_its_row(run: Run) -> None:
    ended = run(SUITE, "--format", "json")
    assert (ended.returncode, ended.stderr) == (0, "")
    rows = {(row["marker"], row["id"]): row for row in json.loads(ended.stdout)}
    assert len(rows) == len(statements()) + 123
    proved = {key: [name.partition("::")[2] for name in row["tests"]] for key, row in rows.items() if row["covered"]}
    assert proved == {
        ("std", "A1"): ["test_one"],
        ("std", "H6"): ["test_many", "test_one"],
        ("fault", "12"): ["test_one"],
        ("fault", "13"): ["test_many"],
    }


@pytest.mark.parametrize("marker", ['std("A23")', 'std("a1")', "fault(124)", 'fault("x")', "std()"])
def test_a_marker_that_names_what_nobody_knows_is_refused_with_its_test(run: Run, marker: str) -> None:
    ended = run(f"import pytest\n@pytest.mark.{marker}\ndef test_lost(): pass\n")
    assert ended.returncode == 1
    assert "test_suite.py::test_lost" in ended.stderr


def test_a_suite_that_cannot_be_collected_proves_nothing(run: Run) -> None:
    ended = run("import nothing_of_that_name\n")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "test_suite.py" in ended.stderr


def test_the_table_says_in_words_what_no_test_covers(conformance: ModuleType) -> None:
    catalogue = {("std", "A1"): "First", ("std", "A2"): "Second", ("fault", "1"): "Third"}
    rows = conformance.rows_of(catalogue, {("std", "A1"): {f"tests/t.py::test_{letter}" for letter in "abcde"}})
    text = list(conformance.as_text(rows))
    assert text[0] == "  A1  First: 5 tests"
    assert text[1:5] == [f"        tests/t.py::test_{letter}" for letter in "abc"] + ["        and 2 more"]
    assert text[5:] == ["  A2  Second: not covered", "   1  Third: not covered", "covered: 1 of 2 statements, 0 of 1 faults"]
    assert "| A2 | Second | not covered |  |" in list(conformance.as_markdown(rows))


def test_every_marker_of_this_suite_is_in_the_catalogue(conformance: ModuleType) -> None:
    """By its text, which takes a moment; `make conformance` asks pytest itself."""
    catalogue = conformance.read_catalogue(ROOT / "docs")
    suite = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    named = {found for text in suite for found in re.findall(r"""pytest\.mark\.(std|fault)\(["']?(\w+)["']?\)""", text)}
    assert len(named) > 80
    assert named - set(catalogue) == set()
