"""What the page is made of: how much of it there is, and what none of it does."""

from __future__ import annotations

import gzip
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from sidenote.web.shell import FILES

ROOT = Path(__file__).parents[3]
STATIC = ROOT / "sidenote" / "web" / "static"
MODULES = sorted(STATIC.glob("*.js"))
SERVED = sorted([*MODULES, *STATIC.glob("*.css")])
MOST_BYTES = 60_000
MOST_LINES = 250
NEVER = (
    *("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "createContextualFragment", "DOMParser", "srcdoc"),
    *("eval(", "new Function", "localStorage", "indexedDB", "document.cookie", "trustedTypes", "importScripts"),
)


def test_all_scripts_and_styles_together_weigh_less_than_60_kb_when_gzipped() -> None:
    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in SERVED) < MOST_BYTES


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_stays_small_and_does_nothing_that_makes_markup_or_code_of_text_or_keeps_anything(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert [word for word in NEVER if word in text] == []
    assert re.search(r"\bon\w+=[\"']", text) is None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_is_of_this_project_alone(path: Path) -> None:
    sources = re.findall(r"^(?:import|export)\b.*?\bfrom \"([^\"]+)\"", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert [source for source in sources if not re.fullmatch(r"\./[a-z_]+\.js", source) or not (STATIC / source).is_file()] == []
    assert re.search(r"https?://", path.read_text("utf-8")) is None


@pytest.mark.parametrize("path", [path for path in SERVED if path.suffix == ".css"], ids=lambda path: path.name)
def test_a_style_loads_nothing(path: Path) -> None:
    assert re.search(r"url\(|@import|@font-face|expression\(", path.read_text("utf-8")) is None


def test_every_module_and_style_is_served_and_types_are_neither_served_nor_in_the_wheel() -> None:
    assert sorted(FILES) == [path.name for path in SERVED]
    data = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"]["*"]
    shipped = {path.name for path in STATIC.iterdir() if any(fnmatch(path.name, pattern) for pattern in data)}
    assert shipped == {*FILES, "index.html"}
