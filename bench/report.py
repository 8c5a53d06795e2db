"""From rows to the page `bench/RESULTS.md`."""

from __future__ import annotations

import inspect
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.catalogue import BENCHMARKS
from bench.rows import Figure, Row

PACKAGES = (
    "fhir.resources",
    "orjson",
    "msgspec",
    "numpy",
    "torch",
    "langgraph",
    "langgraph-checkpoint-sqlite",
    "pydicom",
    "httpx",
    "fhirpy",
    "fhirclient",
    "faiss-cpu",
    "hnswlib",
    "usearch",
    "milvus-lite",
    "lancedb",
    "openvino",
    "sentence-transformers",
)
COLUMNS = ("what", "figure", "peer", "peer's figure", "ratio", "goal", "how far off")


def results(measured: Mapping[str, tuple[Row, ...]], *, subject: str, quick: bool) -> str:
    """The whole page, Markdown."""
    made = "`python -m bench --quick` (few rounds, for a look and not for quoting)" if quick else "`make bench`"
    parts = [
        "# What it costs",
        f"Written by {made} on {datetime.now(UTC):%d %B %Y}. {machine()}",
        f"The chart: {subject}. Every figure is a cost. A ratio is the figure over the peer's, both measured in turns in this run: under "
        "1x costs less than the peer. The machine may be shared: between two runs, only ratios compare.",
        *_goals(row for rows in measured.values() for row in rows),
    ]
    for name, rows in measured.items():
        heading, _, method = (inspect.getdoc(BENCHMARKS[name]) or name).partition("\n\n")
        parts += [f"## {heading.rstrip('.')}", " ".join(method.split()), _grid(COLUMNS, [cells(row) for row in rows])]
    return "\n\n".join(parts) + "\n"


def machine() -> str:
    """CPU, cores and versions. Nothing that names the machine."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor() or "unknown CPU")
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{cpu}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the end; "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {packages}."
    )


def amount(value: float, unit: str) -> str:
    """A value in three significant digits, e.g. `0.0123 ms` or `12,346 ms`."""
    return f"{value:,.0f} {unit}" if abs(value) >= 100 else f"{value:.3g} {unit}"


def spread(figure: Figure | None) -> str:
    """Median, number of samples, least and most, e.g. `2 ms (median of 3, 1–3)`."""
    if figure is None:
        return ""
    low, high = (amount(value, "").strip() for value in (min(figure.samples), max(figure.samples)))
    return amount(figure.median, figure.unit) + (f" (median of {len(figure.samples)}, {low}–{high})" if figure.samples[1:] else " (once)")


def share(ratio: float | None) -> str:
    """A ratio, and for a small one how many times less that is, e.g. `0.025x (1/40)`."""
    if ratio is None:
        return ""
    return f"{ratio:.3g}x (1/{1 / ratio:.0f})" if 0 < ratio <= 0.1 else f"{ratio:.3g}x"


def standing(row: Row) -> str:
    """Whether a row's goal is met, and how far off it is."""
    if row.reached is None:
        return ""
    return f"met, at {row.reached:.2g} of the limit" if row.reached <= 1 else f"**missed**: {row.reached:.3g} times the limit"


def cells(row: Row) -> tuple[str, ...]:
    """A row of a benchmark's table."""
    limit = ""
    if row.goal is not None:
        limit = f"≤ {share(row.goal.limit) if row.goal.of == 'ratio' else amount(row.goal.limit, row.figure.unit)} (goal {row.goal.name})"
    return row.what, spread(row.figure), row.peer, spread(row.peer_figure), share(row.ratio), limit, standing(row)


def _goals(rows: Iterable[Row]) -> tuple[str, ...]:
    lines = [
        (
            row.goal.name,
            row.goal.text,
            share(row.ratio) if row.goal.of == "ratio" else amount(row.figure.median, row.figure.unit),
            standing(row),
        )
        for row in rows
        if row.goal is not None
    ]
    return ("## Goals", _grid(("goal", "what", "measured", "standing"), lines)) if lines else ()


def _grid(head: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> str:
    rows = (head, ("---",) * len(head), *lines)
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
