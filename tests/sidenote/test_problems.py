"""Errors become problem documents; defects do not."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest

from fhir.errors import BadJson, Unreachable
from sidenote.problems import INPUT_REFUSED, problem, refusals


class Odd(Exception):
    """Another folder's error."""

    code: ClassVar[str] = "odd"
    retryable: ClassVar[bool] = True


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (BadJson("not valid JSON", where="entry 3"), "bad_json", False),
        (Unreachable("no answer"), "fhir_unreachable", True),
        (Odd("x"), "odd", True),
    ],
)
def test_a_coded_error_becomes_a_problem_document(error: Exception, code: str, retryable: bool) -> None:
    document = problem(error, "case-1")
    assert document["type"] == f"urn:sidenote:problem:{code}"
    assert (document["code"], document["case_id"], document["retryable"]) == (code, "case-1", retryable)
    assert document["detail"] == str(error)
    assert document["title"]


def test_a_refusal_writes_one_line_and_exits_with_three(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info, refusals("p1"):
        raise BadJson("not valid JSON")
    assert exit_info.value.code == INPUT_REFUSED
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["code"] == "bad_json"


def test_a_defect_is_not_dressed_as_a_refusal() -> None:
    with pytest.raises(ZeroDivisionError), refusals("p1"):
        raise ZeroDivisionError
    with pytest.raises(TypeError, match="no problem code"):
        problem(KeyError("k"), None)


@pytest.mark.fault(110)
def test_a_defect_is_told_by_its_kind_and_place_and_quotes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    from sidenote.problems import DEFECT, defects

    with pytest.raises(SystemExit) as ended, defects():
        raise KeyError("Zebra Canary, born 1950-02-03")
    said = capsys.readouterr().err
    assert ended.value.code == DEFECT
    assert json.loads(said)["detail"].startswith("KeyError at ")
    assert "test_problems.py:" in said
    assert "Zebra" not in said
