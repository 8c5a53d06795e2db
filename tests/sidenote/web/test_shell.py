"""The page's files are those of the table, and the table is the folder."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import pytest

from sidenote.web.shell import FILES, INDEX, Shell

NOT_SENT = {INDEX, "wire.d.ts", "types.d.ts"}
"""The page itself, and types that only a developer's checker reads."""


def test_the_table_is_what_the_folder_holds() -> None:
    there = {one.name for one in (files("sidenote.web") / "static").iterdir()}
    assert there - NOT_SENT == set(FILES)


def test_a_page_names_its_files_from_where_it_stands() -> None:
    shell = Shell()
    assert '"./static/main.js"' in shell.page()
    deeper = shell.page("../")
    assert '"../static/main.js"' in deeper
    assert '"./static/' not in deeper


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_sent_as_it_lies_there(name: str) -> None:
    content = (files("sidenote.web") / "static" / name).read_bytes()
    sent = Shell().files[name]
    assert sent.content == content
    assert sent.media_type == ("text/css" if name.endswith(".css") else "text/javascript")
    assert sent.etag.strip('"') in hashlib.sha256(content).hexdigest()
