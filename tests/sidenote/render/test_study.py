"""A study reads the same in the terminal, as Markdown and as JSON, and never claims clinical validity."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from rich.console import Console

from evaluation.abstention import Covered, Refused
from evaluation.findings import NEAREST, SHOWN, Ranked
from evaluation.intervals import NOTHING, Figure
from evaluation.known_items import Found
from evaluation.leaks import Leaks
from evaluation.retrieval import RetrievalStudy, SetStudy
from evaluation.texts import TextsRanked
from sidenote.render.study import as_json, as_markdown, figure, sheets, show

SHARE = Figure(0.842, 0.79, 0.884, 200, 180)


@pytest.fixture
def one() -> SetStudy:
    return SetStudy(
        name="Phantoms",
        words="made-up radiographs",
        library=450,
        queries=150,
        persons=140,
        skipped=3,
        image_weight=0.4,
        image_weight_reason="fitted",
        held_to_rank=True,
        ranked=(Ranked(SHOWN, SHARE, SHARE, SHARE, SHARE), Ranked(NEAREST["image"], SHARE, NOTHING, NOTHING, SHARE)),
        known_items=(Found("image -> report", (SHARE, SHARE, SHARE), 4.0, (0.01, 0.02, 0.03), 0.04, 450),),
        covered=(Covered("fused", SHARE, 0.95, 0.31), Covered("text", SHARE, 0.95, None)),
        refused=(Refused("noise", "image", SHARE),),
        leaks=Leaks(150, 3_000, (("same person", 2),), (("later date", 7), ("same person", 150))),
        left_out=("something: for a reason",),
    )


@pytest.fixture
def study(one: SetStudy) -> RetrievalStudy:
    texts = TextsRanked("Captions", "texts of papers", SHARE, SHARE, NOTHING, NOTHING)
    return RetrievalStudy("compact", "abcdef" * 10 + "abcd", 150, (one, replace(one, name="Other", leaks=None, ranked=())), texts)


def test_a_figure_stands_with_its_interval() -> None:
    assert figure(SHARE) == "0.84 [0.79, 0.88]"
    assert figure(NOTHING) == "–"


def test_what_was_not_measured_has_no_table(one: SetStudy) -> None:
    titles = [sheet.title for sheet in sheets(one)]
    assert len(titles) == 5
    assert titles[-1] == "Leaks: 3000 neighbours of 150 queries judged"
    assert sheets(replace(one, ranked=(), known_items=(), covered=(), refused=(), leaks=None)) == ()


def test_leaks_stand_beside_what_would_leak_without_the_rules(one: SetStudy) -> None:
    assert sheets(one)[-1].rows == (("later date", "0", "7"), ("same person", "2", "150"))


def test_every_line_of_a_markdown_table_has_as_many_cells_as_its_head(study: RetrievalStudy) -> None:
    width = 0
    for line in as_markdown(study).splitlines():
        cells = line.count("|")
        if cells and not width:
            width = cells
        assert cells in (0, width), line
        width = width if cells else 0


def test_the_document_names_sets_figures_floors_and_limits(study: RetrievalStudy) -> None:
    text = as_markdown(study)
    for words in (
        "## Phantoms",
        "## Other",
        "## Captions",
        "0.84 [0.79, 0.88]",
        "too few cases",
        "Not measured: something",
        "3 cases skipped",
    ):
        assert words in text
    assert "MISSED Phantoms: 2 neighbours that must not be found: same person" in text
    assert "None of these figures is clinical validity" in text


def test_where_all_floors_hold_that_is_said(study: RetrievalStudy, one: SetStudy) -> None:
    better = replace(SHARE, value=0.95, high=0.98)
    good = replace(one, leaks=None, covered=(Covered("fused", better, 0.95, 0.3),), ranked=(one.ranked[0],))
    text = as_markdown(replace(study, sets=(good,)))
    assert "MISSED" not in text
    assert "floors" in text


def test_json_holds_every_figure(study: RetrievalStudy) -> None:
    read = json.loads(as_json(study))
    assert read["sets"][0]["ranked"][0]["precision"] == {"value": 0.842, "low": 0.79, "high": 0.884, "queries": 200, "persons": 180}
    assert read["sets"][0]["ranked"][1]["ndcg"]["value"] is None
    assert read["missed"] != []
    assert any("clinical validity" in words for words in read["meaning"])


def test_the_terminal_shows_the_same_figures(study: RetrievalStudy) -> None:
    console = Console(width=160, highlight=False)
    with console.capture() as captured:
        show(study, console)
    shown = " ".join(captured.get().split())
    for words in (
        "Phantoms",
        "Captions",
        "0.84 [0.79, 0.88]",
        "Leaks: 3000 neighbours",
        "same person 2 150",
        "clinical validity",
        "Not measured",
    ):
        assert words in shown
