"""A setting that is not understood stops the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidenote.errors import SettingsInvalid
from sidenote.settings import load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("SIDENOTE_HOME", "SIDENOTE_CONFIG", "SIDENOTE_IMAGE_MODEL"):
        monkeypatch.delenv(name, raising=False)


def test_defaults_lie_in_the_users_data_folder(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.home == tmp_path / "data" / "sidenote"
    assert settings.library_folder == settings.home / "library"
    assert settings.records_folder == settings.home / "records"
    assert settings.image_model == "compact"


def test_a_variable_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "sidenote.toml"
    file.write_text('similar_cases = 3\nimage_model = "off"\n')
    monkeypatch.setenv("SIDENOTE_CONFIG", str(file))
    monkeypatch.setenv("SIDENOTE_IMAGE_MODEL", "compact")
    settings = load_settings()
    assert settings.similar_cases == 3
    assert settings.image_model == "compact"
    assert settings.evidence_tokens == 8_000


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("SIDENOTE_IMAGE_MODEL", "gigantic", "image_model"),
        ("SIDENOTE_SIMILAR_CASES", "0", "similar_cases"),
        ("SIDENOTE_EVIDENCE_TOKENS", "999", "evidence_tokens"),
        ("SIDENOTE_EVIDENCE_TOKENS", "1000001", "evidence_tokens"),
        ("SIDENOTE_IMAGEMODEL", "off", "SIDENOTE_IMAGEMODEL"),
        ("SIDENOTE_CONFIG", "/no/such/file.toml", "SIDENOTE_CONFIG"),
    ],
)
def test_what_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, named: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsInvalid, match=named):
        load_settings()


def test_an_unknown_key_of_the_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "sidenote.toml"
    file.write_text("image_modle = 'off'\n")
    monkeypatch.setenv("SIDENOTE_CONFIG", str(file))
    with pytest.raises(SettingsInvalid, match="image_modle"):
        load_settings()
