"""The page the benchmarks write."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import pytest

from bench.catalogue import BENCHMARKS
from bench.report import amount, cells, results, share, spread, standing
from bench.rows import Figure, Goal, Row

FASTER = Goal("1", "at least 40x as fast", 1 / 40)
SHORT = Goal("start", "under 0.5 s", 500.0, "figure")


def row(ours: float, theirs: float | None = None, goal: Goal | None = None) -> Row:
    return Row("bytes to Chart", Figure((ours,), "ms"), "a peer", None if theirs is None else Figure((theirs,), "ms"), goal)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.012345, "0.0123 ms"), (1.0, "1 ms"), (99.94, "99.9 ms"), (12345.6, "12,346 ms"), (0.0, "0 ms"), (-27.04, "-27 ms")],
)
def test_an_amount_has_three_significant_digits(value: float, text: str) -> None:
    assert amount(value, "ms") == text


def test_a_spread_says_median_count_and_range() -> None:
    assert spread(Figure((3.0, 1.0, 2.0), "ms")) == "2 ms (median of 3, 1–3)"
    assert spread(Figure((7.0,), "kB")) == "7 kB (once)"
    assert spread(None) == ""


@pytest.mark.parametrize(("ratio", "text"), [(0.025, "0.025x (1/40)"), (0.4, "0.4x"), (1.5, "1.5x"), (-2.0, "-2x"), (None, "")])
def test_a_small_ratio_also_says_how_many_times_less(ratio: float | None, text: str) -> None:
    assert share(ratio) == text


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (row(1, 80, FASTER), "met, at 0.5 of the limit"),
        (row(1, 16, FASTER), "**missed**: 2.5 times the limit"),
        (row(250, None, SHORT), "met, at 0.5 of the limit"),
        (row(600, None, SHORT), "**missed**: 1.2 times the limit"),
        (row(1, 2), ""),
    ],
)
def test_the_standing_says_how_far_off_a_goal_is(one: Row, text: str) -> None:
    assert standing(one) == text


def test_a_line_holds_figure_peer_ratio_limit_and_standing() -> None:
    assert cells(row(1, 16, FASTER)) == (
        "bytes to Chart",
        "1 ms (once)",
        "a peer",
        "16 ms (once)",
        "0.0625x (1/16)",
        "≤ 0.025x (1/40) (goal 1)",
        "**missed**: 2.5 times the limit",
    )
    assert cells(row(600, None, SHORT))[5] == "≤ 500 ms (goal start)"


def test_the_page_has_every_goal_on_top_and_a_table_a_benchmark() -> None:
    page = results({"parsing": (row(1, 16, FASTER), row(2)), "startup": (row(250, None, SHORT),)}, subject="a chart", quick=False)
    goals, parsing, startup = (page.index(f"\n## {heading}\n") for heading in ("Goals", "Bytes to a Chart", "Start of the command line"))
    assert goals < parsing < startup
    assert "| 1 | at least 40x as fast | 0.0625x (1/16) | **missed**: 2.5 times the limit |" in page[goals:parsing]
    assert "| start | under 0.5 s | 250 ms | met, at 0.5 of the limit |" in page[goals:parsing]
    assert page[parsing:startup].count("\n| bytes to Chart |") == 2
    assert "`make bench`" in page


def test_every_line_of_a_table_has_as_many_cells_even_with_a_bar_in_the_text() -> None:
    odd = Row("this | that", Figure((1.0,), "ms"))
    table = [line for line in results({"heap": (odd,)}, subject="a chart", quick=True).splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {8}


def test_a_quick_page_says_that_it_is_not_for_quoting() -> None:
    assert "not for quoting" in results({}, subject="a chart", quick=True)


def test_the_page_names_the_processor_and_versions_and_not_the_machine() -> None:
    page = results({}, subject="a chart", quick=False)
    assert f"{os.cpu_count()} cores" in page
    assert f"Python {platform.python_version()}" in page
    assert re.search(r"fhir\.resources \d", page)
    assert platform.node() not in page
    assert str(Path(__file__).parents[2]) not in page


def test_every_benchmark_has_a_file_of_its_name_a_heading_and_a_method() -> None:
    assert set(BENCHMARKS) == {
        "embedding",
        "index",
        "parsing",
        "heap",
        "startup",
        "pull",
        "pack",
        "audit",
        "dicomweb",
        "pixels",
        "memory",
        "engine",
        "stages",
        "model",
        "served",
        "search",
        "sidebar",
    }
    for name, benchmark in BENCHMARKS.items():
        heading, _, method = (benchmark.__doc__ or "").partition("\n\n")
        assert benchmark.__module__ == f"bench.{name}"
        assert heading.endswith(".")
        assert method.strip()
