"""The doctor names what is there, why, and what is missing; it never stops at the first trouble."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sidenote.cli import cli
from sidenote.doctor import examine
from sidenote.settings import Settings

pytestmark = pytest.mark.usefixtures("decoders_asked_once")


def states(settings: Settings) -> dict[str, str]:
    return {finding.name: finding.state for finding in examine(settings)}


def test_a_whole_installation_is_well(home: Path) -> None:
    found = {finding.name: finding for finding in examine(Settings(home=home))}
    assert {finding.state for finding in found.values()} == {"ok"}
    assert "rules" in found["policies"].value
    assert "cases" in found["case library"].value
    assert all(finding.reason for finding in found.values())


def test_no_library_and_no_model_are_notes(tmp_path: Path) -> None:
    found = states(Settings(home=tmp_path, image_model="off"))
    assert (found["case library"], found["image model"]) == ("note", "note")


@pytest.mark.parametrize(
    ("settings", "states_", "told"),
    [
        ({"milvus_uri": "cases.db"}, ("note", "ok"), "configure milvus_seal"),
        ({"milvus_uri": "https://milvus.example", "milvus_seal": "a" * 64}, ("ok", "ok"), "configured seal"),
        ({"milvus_uri": "http://milvus.example", "unencrypted_hosts": ("milvus.example",)}, ("note", "note"), "milvus_seal"),
        ({"milvus_uri": "http://milvus.example"}, ("missing", "missing"), "unencrypted_hosts"),
    ],
)
def test_a_library_in_milvus_is_told_with_whether_the_way_there_is_encrypted(
    settings: dict[str, object], states_: tuple[str, str], told: str, tmp_path: Path
) -> None:
    found = {one.name: one for one in examine(Settings.model_validate({"home": tmp_path, "image_model": "off", **settings}))}
    assert (found["case library"].state, found["case servers"].state) == states_
    assert told in found["case library"].reason


@pytest.mark.parametrize(
    ("more", "state", "told"),
    [
        ({}, "ok", "not calibrated"),
        ({"licence": "CC-BY-NC-4.0"}, "missing", "accept_noncommercial"),
        ({"backend": "none"}, "missing", "back end is one of"),
        ({"source": "http://192.0.2.1/v1"}, "missing", "https"),
        ({"key_file": "none"}, "missing", "key cannot be read"),
        ({"card": "none"}, "missing", "card cannot be used"),
        ({"calibration": "none"}, "missing", "calibration cannot be used"),
    ],
)
def test_the_model_that_the_site_brought_is_looked_at_and_not_ours(more: dict[str, str], state: str, told: str, tmp_path: Path) -> None:
    placed = {name: str(tmp_path / value) if value == "none" and name != "backend" else value for name, value in more.items()}
    table = {"name": "own", "backend": "openai", "source": "http://127.0.0.1:9/v1", "licence": "MIT", **placed}
    settings = Settings.model_validate({"home": tmp_path, "image_model": "own", "model": [table]})
    (found,) = [one for one in examine(settings) if one.name == "image model"]
    assert found.state == state
    assert told in found.reason
    assert str(tmp_path) not in found.reason


def test_what_is_broken_is_missing_and_the_rest_is_still_told(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    found = states(Settings(home=tmp_path, rules=tmp_path / "rules", model_folder=tmp_path / "none"))
    assert (found["policies"], found["image model"]) == ("missing", "missing")
    assert found["guidance"] == "ok"


def test_the_command_says_it_in_json_and_by_its_exit_code(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDENOTE_HOME", str(home))
    result = CliRunner().invoke(cli, ["doctor", "--format", "json"])
    assert result.exit_code == 0
    assert {finding["name"] for finding in json.loads(result.stdout)} >= {"home", "policies", "image model", "faiss"}
    monkeypatch.setenv("SIDENOTE_MODEL_FOLDER", str(home / "none"))
    assert CliRunner().invoke(cli, ["doctor"]).exit_code == 1
