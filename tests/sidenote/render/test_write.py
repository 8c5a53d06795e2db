"""Files hold patient data: whole or not at all, for their owner alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sidenote.render.write import write_whole


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "r.json", "x")
    assert stat.S_IMODE((tmp_path / "r.json").stat().st_mode) == 0o600
    assert (tmp_path / "r.json").read_text() == "x"


def test_replaces_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("old")
    write_whole(tmp_path / "r.json", "new")
    assert (tmp_path / "r.json").read_text() == "new"


def test_leaves_nothing_behind_when_it_fails(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "r.json", "\ud800")
    assert list(tmp_path.iterdir()) == []
