"""The doctor looks at a server: what it offers, what it will be asked, what is missing; and asks for no patient."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fhir.errors import SourceMissing
from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store
from sidenote.cli import cli
from sidenote.doctor import Finding
from sidenote.server_check import examine_server
from sidenote.servers import Server
from sidenote.settings import Settings

PEOPLE = Store([{"resourceType": "Patient", "id": "p1"}])


def looked_at(server: Running, home: Path, **entry: Any) -> dict[str, Finding]:
    settings = Settings(home=home, server=(Server(base=server.base, **entry),) if entry else ())
    return {finding.name: finding for finding in asyncio.run(examine_server(settings, server.base))}


def test_a_whole_server_is_told_and_no_patient_asked_for(tmp_path: Path) -> None:
    with running(PEOPLE) as server:
        found = looked_at(server, tmp_path)
        assert not [one for one in server.faults.log if "Patient" in one.path or "Observation" in one.path]
    assert (found["server"].state, found["pull"].value, found["types"].state) == ("ok", "$everything", "ok")
    assert all(finding.reason for finding in found.values())


def test_what_its_authorization_server_offers_is_told_in_words_of_ours(tmp_path: Path) -> None:
    with running(PEOPLE) as server:
        assert "EHR launch" in looked_at(server, tmp_path)["SMART"].value
        server.faults.edit_json("smart-configuration", lambda said: said.update(capabilities=["CANARY", {"x": 1}, "permission-v2"]))
        assert looked_at(server, tmp_path)["SMART"].value == "scopes v2"
        server.faults.edit_json("smart-configuration", lambda said: said.update(token_endpoint=None, capabilities="launch-ehr"))
        assert looked_at(server, tmp_path)["SMART"].state == "note"


def test_what_is_not_offered_is_missing_when_much_rests_on_it_and_a_note_otherwise(tmp_path: Path) -> None:
    with running(PEOPLE, Config(everything=False, without=frozenset({"Flag"}))) as server:
        found = looked_at(server, tmp_path)
        assert (found["pull"].value, found["types"].state) == ("type by type", "note")
        assert "Flag" in found["types"].reason
    with running(PEOPLE, Config(without=frozenset({"MedicationRequest"}))) as server:
        assert looked_at(server, tmp_path)["types"].state == "missing"


def test_quirks_and_windows_of_the_entry_are_told(tmp_path: Path) -> None:
    with running(PEOPLE) as server:
        found = looked_at(server, tmp_path, quirks=("no-sort",), since={"Observation": "2020"}, images=("https://pacs.example/dicom-web",))
    assert found["quirk"].value == "no-sort"
    assert found["pull"].value == "type by type"
    assert (found["images"].state, found["images"].value) == ("ok", "1 image server")


def test_a_server_that_does_not_answer_or_is_none_is_missing(tmp_path: Path) -> None:
    with running(PEOPLE) as server:
        server.faults.login_page(times=None)
        assert looked_at(server, tmp_path)["server"].value == "not_fhir"
    (only,) = asyncio.run(examine_server(Settings(home=tmp_path), "http://127.0.0.1:9/fhir"))
    assert (only.state, only.value) == ("missing", "fhir_unreachable")


@pytest.mark.parametrize("base", ["somewhere", "ftp://127.0.0.1/fhir", "http://", "http://127.0.0.1/fhir?x=1"])
def test_what_is_no_base_url_is_refused(tmp_path: Path, base: str) -> None:
    with pytest.raises(SourceMissing):
        asyncio.run(examine_server(Settings(home=tmp_path), base))


def test_the_command_tells_it_in_json_and_by_its_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDENOTE_HOME", str(tmp_path))
    with running(PEOPLE) as server:
        result = CliRunner().invoke(cli, ["doctor", "--fhir", server.base, "--format", "json"])
        assert {finding["name"] for finding in json.loads(result.stdout)} >= {"server", "authorization", "pull", "types"}
        server.faults.answer(404, times=None, path="metadata")
        assert CliRunner().invoke(cli, ["doctor", "--fhir", server.base]).exit_code == 1
    assert CliRunner().invoke(cli, ["doctor", "--fhir", "nowhere"]).exit_code == 3
