"""`sidenote doctor` as it is typed: its table, its exit code, a refusal when it cannot begin. What it looks at: ../test_doctor.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.ehr.config import Config
from sandbox.ehr.serve import running
from sandbox.ehr.store import Store
from sidenote.doctor import LOOKS

Command = Callable[..., Any]


@pytest.mark.parametrize("form", ["terminal", "json"])
def test_a_missing_part_is_exit_code_1_and_everything_else_is_still_told(
    form: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    (tmp_path / "rules").mkdir()
    ended = command("doctor", "--format", form, rules=tmp_path / "rules", image_model="off")
    assert (ended.code, ended.err) == (1, "")
    if form == "json":
        found = json.loads(ended.out)
        assert len(found) == len(LOOKS)
        assert all(set(line) == {"name", "state", "value", "reason"} for line in found)
        states = {line["name"]: line["state"] for line in found}
        assert (states["policies"], states["guidance"]) == ("missing", "ok")
    else:
        words = [line.split(maxsplit=2)[:2] for line in ended.out.splitlines()]
        assert ["missing", "policies"] in words
        assert ["ok", "guidance"] in words


def test_nothing_missing_is_exit_code_0_even_with_notes(command: Command) -> None:
    ended = command("doctor", image_model="off")
    assert (ended.code, ended.err) == (0, "")
    assert "note" in ended.out
    assert "missing" not in ended.out


def test_a_setting_it_cannot_read_is_refused(command: Command) -> None:
    command("doctor", image_model="telepathy").refused("settings_invalid", None)


def test_a_servers_name_is_shown_as_it_is_whatever_it_holds(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    with running(Store([]), Config()) as server:
        server.faults.edit_json("metadata", lambda body: body["software"].update(name="EHR [/prod] [red]x[/red]\x1b[2J"))
        ended = command("doctor", "--fhir", server.base)
    assert (ended.code, ended.err) == (0, "")
    assert "EHR [/prod] [red]x[/red][2J" in ended.out
    assert "\x1b" not in ended.out
