"""The table of a batch: what needs a person first, ids whole, refusals by their code."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from sidenote.batch.summary import MOST_ROWS, summary

LONG = "186ff984-f437-4817-8d35-0997a8b7f405"


def row(number: int, patient: str, status: str, **more: Any) -> dict[str, Any]:
    usual = {"fired": [], "claims": 1, "withheld": 0, "reading": "read", "discordant": []}
    return {"row": number, "patient": patient, "status": status, **usual, **more}


def shown(*results: dict[str, Any]) -> list[str]:
    sheet = io.StringIO()
    Console(file=sheet, width=80).print(summary(results))
    return sheet.getvalue().splitlines()


def test_what_needs_a_person_comes_first_and_the_most_discordant_before_the_rest() -> None:
    lines = shown(
        row(1, "calm", "presented"),
        row(2, "odd", "needs_review"),
        row(3, "odder", "needs_review", discordant=["nodule"]),
        row(4, "blocked", "withheld", fired=["I01"]),
    )
    assert [line.split()[0] for line in lines[1:5]] == ["blocked", "odder", "odd", "calm"]
    assert lines[-1].strip() == "4 cases: 1 withheld, 2 needs review, 1 presented"


def test_an_id_is_never_cut() -> None:
    assert any(LONG in line for line in shown(row(1, LONG, "needs_review", fired=["C01", "P04"])))


def test_a_refusal_names_its_code_and_a_broken_row_its_line() -> None:
    refused = {"row": 7, "patient": "", "study": None, "status": "refused", "problem": {"code": "cohort_row_invalid"}}
    (line,) = [line for line in shown(refused, row(8, "p", "presented")) if "row 7" in line]
    assert "cohort_row_invalid" in line


def test_says_how_many_rows_are_not_shown() -> None:
    assert shown(*(row(number, f"p{number}", "presented") for number in range(MOST_ROWS + 3)))[-1].endswith("3 rows not shown")


@pytest.mark.fault(72)
def test_an_id_is_text_and_neither_markup_nor_a_terminal_sequence() -> None:
    lines = "\n".join(shown(row(1, "[/x][link=http://a]\x1b[2J\x9b", "presented")))
    assert "[/x][link=http://a]\\u001b[2J\\u009b" in lines
    assert "\x1b[2J" not in lines
