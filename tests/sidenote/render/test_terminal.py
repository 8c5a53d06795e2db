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
