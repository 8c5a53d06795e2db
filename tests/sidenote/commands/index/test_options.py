"""What stands for an option that was left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidenote.commands.index.options import encoder_of, folder_of, secret_of
from sidenote.errors import SettingsInvalid


def test_what_is_left_out_is_as_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b" within white space \n")
    for name, value in (("LIBRARY", tmp_path / "here"), ("ENCODER", "hash"), ("SECRET_FILE", tmp_path / "secret")):
        monkeypatch.setenv(f"SIDENOTE_{name}", str(value))
    assert folder_of(None) == tmp_path / "here"
    assert folder_of(tmp_path) == tmp_path
    assert (encoder_of(None), encoder_of("compact")) == ("hash", "compact")
    assert secret_of(None) == b"within white space"


def test_no_secret_is_none_guessed() -> None:
    with pytest.raises(SettingsInvalid, match="secret_file"):
        secret_of(None)
