"""The terminal view: the same order, the same words, nothing lost at 80 columns."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from agent.review import Review
from sidenote.render.terminal import print_review, show


def shown(review: Review, width: int = 100) -> str:
    sheet = io.StringIO()
    show(review, Console(width=width, file=sheet))
    return sheet.getvalue()


@pytest.mark.parametrize("width", [60, 80, 140])
def test_shows_statements_citations_policies_and_evidence(review: Review, width: int) -> None:
    text = " ".join(shown(review, width).split())
    for part in (
        "needs a person's review",
        "BEFORE ANYTHING ELSE",
        "E01 escalates:",
        "CONSIDER",
        "WITHHELD",
        "FOUR VOICES",
        "Immunization (refused)",
    ):
        assert part in text
    assert text.index("BEFORE ANYTHING ELSE") < text.index("CONSIDER") < text.index("EVIDENCE")


def test_markup_in_the_record_is_not_interpreted(review: Review) -> None:
    odd = review.model_copy(update={"question": "[bold red]x[/] [link=https://evil.example]y[/link]"})
    assert "[bold red]x[/]" in shown(odd)


def test_writes_a_plain_file(review: Review, tmp_path: Path) -> None:
    print_review(review, tmp_path / "r.txt")
    text = (tmp_path / "r.txt").read_text("utf-8")
    assert "\x1b" not in text
    assert "The image model reads a left pneumothorax." in text


@pytest.mark.fault(72)
def test_an_escape_sequence_in_a_name_is_written_out_and_never_sent(review: Review) -> None:
    named = review.model_copy(update={"patient": review.patient.model_copy(update={"name": "Ann\x1b]8;;http://a\x07\u202e\x9b31m"})})
    text = shown(named, 160)
    assert "Ann\\u001b]8;;http://a\\u0007\\u202e\\u009b31m" in text
    assert not set(text) & set("\x1b\x07\u202e\x9b")


def test_similar_cases_come_with_what_they_share_and_how_they_were_found(review: Review) -> None:
    (case,) = review.similar_cases
    placed = case.model_copy(update={"stated": ("left pneumothorax (apex)",), "differs": ("age: 20-29 there, 40-49 here",)})
    text = " ".join(shown(review.model_copy(update={"similar_cases": (placed,)}), 160).split())
    for part in ("left pneumothorax (apex)", "age: 20-29 there, 40-49 here", "A case counts as comparable up to distance", "Plan: "):
        assert part in text
    assert "No case library was asked." in shown(review.model_copy(update={"search": None, "similar_cases": ()}))


def test_an_older_index_that_answers_is_told(review: Review) -> None:
    assert review.search is not None
    older = review.search.model_copy(update={"notice": "an older one of 2026-11-01 answers"})
    assert "an older one of 2026-11-01 answers" in shown(review.model_copy(update={"search": older}))


def test_what_changed_since_the_image_before_stands_there_in_one_line(compared: Review) -> None:
    text = shown(compared, 200)
    (line,) = [line for line in text.splitlines() if "Since 2 Sep 2026, 08:00 UTC. New: left pneumothorax E1." in line]
    assert "No longer there: pulmonary nodule E9." in line
    assert "COMPARED" not in shown(compared.model_copy(update={"reading": None}))
