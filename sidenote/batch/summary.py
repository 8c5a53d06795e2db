"""The results of a batch as a table: what needs a person first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sidenote.render.legible import spelled

_ORDER = ("withheld", "needs_review", "refused", "failed", "abstained", "presented")
_STYLES = {
    "withheld": "red",
    "needs_review": "yellow",
    "refused": "magenta",
    "failed": "magenta",
    "abstained": "cyan",
    "presented": "green",
}
_HEADINGS = ("patient", "status", "fired", "said", "held", "image", "disagree on")
MOST_ROWS = 60
"""Rows shown; the JSONL file holds all of them."""


def summary(results: Sequence[dict[str, Any]]) -> RenderableType:
    """One row a case, those that need a person first, and the counts below."""
    ordered = sorted(results, key=lambda result: (_ORDER.index(result["status"]), -len(result.get("discordant", ())), result["row"]))
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    rows = [_cells(result) for result in ordered[:MOST_ROWS]]
    shown = [place for place in range(len(_HEADINGS)) if any(row[place] for row in rows)]
    for place in shown:
        # a patient's id that is cut is of no use to anybody
        table.add_column(_HEADINGS[place], no_wrap=place < 2, min_width=max(len(row[place]) for row in rows) if place < 2 else None)
    for result, row in zip(ordered, rows, strict=False):
        table.add_row(*(Text(spelled(row[place])) for place in shown), style=_STYLES[result["status"]])
    counts = Counter(result["status"] for result in results)
    told = ", ".join(f"{counts[status]} {status.replace('_', ' ')}" for status in _ORDER if counts[status])
    hidden = f"; {len(ordered) - MOST_ROWS} rows not shown" if len(ordered) > MOST_ROWS else ""
    return Group(table, Text(f"\n{len(results)} cases: {told}{hidden}", style="bold"))


def _cells(result: dict[str, Any]) -> tuple[str, ...]:
    if "problem" in result:
        return (result["patient"] or f"row {result['row']}", result["status"], result["problem"]["code"], "", "", "", "")
    return (
        result["patient"],
        result["status"].replace("_", " "),
        " ".join(result["fired"]) or "–",
        str(result["claims"]),
        str(result["withheld"]),
        result["reading"],
        ", ".join(result["discordant"]),
    )
