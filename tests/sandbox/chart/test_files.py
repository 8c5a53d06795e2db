"""The files of the pages: all that stand there, and only they; and no script that could run a record's text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sandbox.chart
from sandbox.chart.files import NAMES, file

FOLDER = Path(sandbox.chart.__file__).parent


def test_the_table_names_every_file_and_only_files_that_are_there() -> None:
    assert {path.name for path in (FOLDER / "static").iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", ["../files.py", "..%2ffiles.py", "", "chart.js/", "CHART.JS"])
def test_nothing_else_is_a_file(name: str) -> None:
    assert file(name) is None


@pytest.mark.fault(49)
@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".js")])
def test_a_script_writes_text_and_never_markup(name: str) -> None:
    found = file(name)
    assert found is not None
    text = found[0].decode()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)
    assert "https:" not in text
    assert '"*"' not in text
    for imported in re.findall(r'from "\./([^"]+)"', text):
        assert imported in NAMES


def test_no_template_holds_a_script_a_style_or_a_handler() -> None:
    for path in (FOLDER / "templates").iterdir():
        text = path.read_text("utf-8")
        assert "|safe" not in text.replace(" ", ""), path.name
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", text), path.name
