"""Which statement of a standard and which fault is proved by which test: `make conformance`.

Collects the suite's markers without running a test, and prints one line a statement. Exit code 0; 1: a marker names an id that
docs/standards.toml or docs/faults.toml does not have; 2: the tests cannot be collected.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MARKERS = {"std": "statements", "fault": "faults"}
"""Marker -> table of the catalogue that has its ids."""
NOT_COVERED = "not covered"
_SHOWN = 3


@dataclass(frozen=True)
class Row:
    """A statement or fault, and the tests that prove it."""

    marker: str
    id: str
    text: str
    tests: tuple[str, ...]
    """Node ids without parameters, sorted."""


class Collector:
    """A pytest plugin that notes the markers of every collected test."""

    def __init__(self) -> None:
        """Nothing is collected yet."""
        self.found: dict[tuple[str, str], set[str]] = {}
        self.failed: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that cannot be collected."""
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note who proves what."""
        for item in session.items:
            for marker in item.iter_markers():
                if marker.name in MARKERS:
                    key = (marker.name, str(marker.args[0]) if marker.args else "")
                    self.found.setdefault(key, set()).add(re.sub(r"\[.*", "", item.nodeid, flags=re.DOTALL))


def read_catalogue(docs: Path) -> dict[tuple[str, str], str]:
    """Marker and id -> what it says, in the order of the files."""
    tables = {**tomllib.loads((docs / "standards.toml").read_text("utf-8")), **tomllib.loads((docs / "faults.toml").read_text("utf-8"))}
    return {(marker, name): text for marker, table in MARKERS.items() for name, text in tables[table].items()}


def collect(*tests: Path) -> Collector:
    """Collect tests without running or reporting them. Plugins of other packages stay out: they take longer than the collecting."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    collector = Collector()
    quiet = ["-o", "addopts=", "-p", "no:terminal", "-p", "no:cacheprovider", "--assert=plain"]
    place = ["-c", str(ROOT / "pyproject.toml"), f"--rootdir={ROOT}", "--import-mode=importlib", "--strict-markers"]
    pytest.main([*quiet, *place, "--collect-only", *map(str, tests)], plugins=[collector])
    return collector


def rows_of(catalogue: Mapping[tuple[str, str], str], found: Mapping[tuple[str, str], set[str]]) -> tuple[Row, ...]:
    """One row a statement or fault, whether anything proves it or not."""
    return tuple(Row(*key, text, tuple(sorted(found.get(key, ())))) for key, text in catalogue.items())


def unknown_ids(catalogue: Mapping[tuple[str, str], str], found: Mapping[tuple[str, str], set[str]]) -> tuple[str, ...]:
    """Markers whose id nobody knows, each with a test that carries it."""
    return tuple(f"{marker}({name!r}) in {min(found[marker, name])}" for marker, name in sorted(found) if (marker, name) not in catalogue)


def _summary(rows: tuple[Row, ...]) -> str:
    parts = []
    for marker, table in MARKERS.items():
        mine = [row for row in rows if row.marker == marker]
        parts.append(f"{sum(bool(row.tests) for row in mine)} of {len(mine)} {table}")
    return "covered: " + ", ".join(parts)


def as_text(rows: tuple[Row, ...]) -> Iterator[str]:
    """A table for a terminal: id, statement, how many tests, and the first few by name."""
    for row in rows:
        count = f"{len(row.tests)} tests" if len(row.tests) != 1 else "1 test"
        yield f"{row.id:>4}  {row.text}: {count if row.tests else NOT_COVERED}"
        yield from (f"        {name}" for name in row.tests[:_SHOWN])
        if len(row.tests) > _SHOWN:
            yield f"        and {len(row.tests) - _SHOWN} more"
    yield _summary(rows)


def as_markdown(rows: tuple[Row, ...]) -> Iterator[str]:
    """The same as a Markdown table, with every name."""
    yield from ("| id | statement | tests | names |", "|---|---|---|---|")
    for row in rows:
        names = "<br>".join(f"`{name}`" for name in row.tests)
        yield f"| {row.id} | {row.text} | {len(row.tests) or NOT_COVERED} | {names} |"
    yield from ("", _summary(rows))


def as_json(rows: tuple[Row, ...]) -> Iterator[str]:
    """The same as data: a list of objects with marker, id, text, tests and covered."""
    yield json.dumps([{**asdict(row), "covered": bool(row.tests)} for row in rows], indent=2, ensure_ascii=False)


FORMATS = {"text": as_text, "markdown": as_markdown, "json": as_json}


def main(arguments: list[str] | None = None) -> int:
    """Collect, print, and return the exit code."""
    parser = argparse.ArgumentParser(description="Which statement of a standard and which fault is proved by which test.")
    parser.add_argument("tests", nargs="*", type=Path, default=[ROOT / "tests"], help="files or folders; default: the whole suite")
    parser.add_argument("--format", choices=FORMATS, default="text")
    chosen = parser.parse_args(arguments)
    catalogue = read_catalogue(ROOT / "docs")
    collector = collect(*chosen.tests)
    if collector.failed:
        sys.stderr.write(f"cannot be collected: {', '.join(collector.failed)}\n")
        return 2
    sys.stdout.write("\n".join(FORMATS[chosen.format](rows_of(catalogue, collector.found))) + "\n")
    unknown = unknown_ids(catalogue, collector.found)
    for one in unknown:
        sys.stderr.write(f"a marker names what no catalogue has: {one}\n")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
