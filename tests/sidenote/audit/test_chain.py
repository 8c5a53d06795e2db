"""The audit's chain: heads that follow each other, and the note of the newest."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sidenote.audit.chain import NOTHING, Head, checked, follows, head_of, lines, note, note_file, noted


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def test_a_note_is_read_as_it_was_written_and_hidden_from_others(path: Path) -> None:
    assert noted(path) == NOTHING
    note(path, Head(12, "a" * 64))
    assert noted(path) == Head(12, "a" * 64)
    assert note_file(path).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", bytes(86)])
def test_a_note_that_never_reached_the_disk_is_none_and_is_written_again(path: Path, content: bytes) -> None:
    note_file(path).write_bytes(content)
    assert noted(path) == NOTHING
    note(path, Head(12, "a" * 64))
    assert noted(path) == Head(12, "a" * 64)


def test_an_earlier_head_never_replaces_a_later_one(path: Path) -> None:
    note(path, Head(12, "a" * 64))
    note(path, Head(11, "b" * 64))
    assert noted(path).seq == 12


@pytest.mark.parametrize("known", range(6))
def test_the_newest_row_follows_each_one_before_it_and_no_other(five: Path, known: int) -> None:
    with closing(sqlite3.connect(five)) as db:
        heads = [NOTHING, *(Head(seq, checked(seq, line, NOTHING)[1]) for seq, line in lines(db))]
        assert head_of(db) == heads[5]
        assert follows(db, heads[known], heads[5])
        assert not follows(db, Head(known, "e" * 64), heads[5])
        assert not follows(db, Head(6, heads[known].sha256), heads[5])


@pytest.mark.parametrize("line", ["", "null", "1", "{}", '{"sha256":"a","prev":"b"}', '{"prev":1,"seq":1,"sha256":2}'])
def test_what_is_no_row_is_told_and_never_raised(line: str) -> None:
    assert checked(1, line, NOTHING)[0] in ("is no row of a chain", "was edited")
