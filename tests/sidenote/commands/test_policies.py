"""`sidenote policies`: list, show, test, diff."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from policies.loading import SHIPPED
from sidenote.commands.policies import policies


def run(*arguments: str) -> Result:
    return CliRunner().invoke(policies, list(arguments))


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A copy of the shipped rules in which S01 draws the line at 16."""
    folder = tmp_path / "rules"
    shutil.copytree(SHIPPED, folder)
    path = folder / "S01.yaml"
    path.write_text(path.read_text().replace("below: 18", "below: 16"))
    return folder


def test_list_names_every_rule() -> None:
    result = run("list")
    assert result.exit_code == 0
    assert all(path.stem in result.output for path in SHIPPED.glob("*.yaml"))
    assert "18 rules" in result.output


def test_show_reads_as_a_rule() -> None:
    result = run("show", "c01")
    assert result.exit_code == 0
    for piece in ("C01", "ACR-NKF", "within_days: 30", "below: 30", "not regard this as an absolute bar", "cannot_tell", "value set"):
        assert piece in result.output


def test_show_refuses_an_unknown_rule_with_a_problem() -> None:
    result = run("show", "Z99")
    assert result.exit_code == 3
    assert json.loads(result.stderr)["code"] == "unknown_rule"


def test_test_runs_every_case() -> None:
    result = run("test")
    assert result.exit_code == 0
    assert "cases, 0 wrong" in result.output


def test_test_fails_when_a_rule_does_not_answer_as_its_case_says(other: Path) -> None:
    result = run("test", "S01", "--rules", str(other))
    assert result.exit_code == 1
    assert "expected fired, got clear" in " ".join(result.output.split())


def test_diff_names_the_rule_and_the_outcomes(other: Path) -> None:
    result = run("diff", str(SHIPPED), str(other))
    assert result.exit_code == 0
    assert "changed  S01  when" in result.output
    assert "the day before the eighteenth" in result.output
    assert "C01" not in result.output


def test_diff_of_a_folder_with_itself_is_empty() -> None:
    result = run("diff", str(SHIPPED), str(SHIPPED))
    assert "The rules are the same." in result.output
    assert "No outcome changes." in result.output


def test_diff_compares_on_charts(other: Path, tmp_path: Path) -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": {"resourceType": "Patient", "id": "teen", "birthDate": "2009-06-01"}}],
    }
    source = tmp_path / "teen.json"
    source.write_text(json.dumps(bundle))
    result = run("diff", str(SHIPPED), str(other), "--fhir", str(source))
    assert result.exit_code == 0, result.output
    assert "Patient/teen" in result.output


def test_a_folder_that_is_no_rules_is_refused_with_a_problem(tmp_path: Path) -> None:
    result = run("test", "--rules", str(tmp_path))
    assert result.exit_code == 3
    assert json.loads(result.stderr)["code"] == "rule_invalid"
