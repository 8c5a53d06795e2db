"""The demo's files: drawn once, and again when what draws them, or one of them, is not what it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.patients import chests, hospital
from sidenote.demo_files import hospital_files


@pytest.fixture(autouse=True)
def one_story(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hospital, "STORIES", (chests.unremarkable,))


def test_files_are_drawn_once_and_again_when_one_is_missing_or_the_drawers_changed(tmp_path: Path) -> None:
    image, stamp = tmp_path / "images" / "unremarkable-1.dcm", tmp_path / "drawn-by.txt"
    (story,) = hospital_files(tmp_path)
    drawn = image.read_bytes()
    image.write_bytes(b"as it was")
    assert hospital_files(tmp_path) == (story,)
    assert image.read_bytes() == b"as it was"
    stamp.write_text("other code")
    hospital_files(tmp_path)
    assert image.read_bytes() == drawn
    image.unlink()
    hospital_files(tmp_path)
    assert image.read_bytes() == drawn
