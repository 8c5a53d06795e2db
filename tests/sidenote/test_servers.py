"""A server's entry: what belongs together, what is refused, and how the server is then asked."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fhir.access import Access
from fhir.chart import Chart
from fhir.errors import AccessRefused
from fhir.server import ServerSource
from sandbox.ehr.auth.clients import Client
from sandbox.ehr.config import Config
from sandbox.ehr.serve import running
from sandbox.ehr.store import Store
from sidenote.errors import SettingsInvalid
from sidenote.servers import Server, access_of
from sidenote.settings import load_settings

BASE = "https://ehr.example/fhir"


def test_a_server_without_entry_is_asked_plainly() -> None:
    access = access_of((Server(base="https://other.example/fhir"),), BASE)
    assert (access.authorization, access.images, access.quirks) == (None, (), frozenset())


def test_an_entry_is_found_whatever_its_trailing_slash() -> None:
    assert access_of((Server(base=BASE + "/", quirks=("no-sort",)),), BASE).quirks == {"no-sort"}


def test_a_token_comes_from_its_file_and_stays_out_of_sight(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("CANARY\n")
    access = access_of((Server(base=BASE, authorization="bearer", token_file=tmp_path / "token"),), BASE)
    assert access.authorization is not None
    assert asyncio.run(access.authorization.header()) == "Bearer CANARY"
    assert "CANARY" not in repr(access)


REFUSED: list[dict[str, Any]] = [
    {"authorization": "bearer"},
    {"authorization": "backend", "client_id": "x"},
    {"authorization": "none", "token_file": "token"},
    {"authorization": "bearer", "token_file": "token", "client_id": "x"},
    {"quirks": ["no-such-quirk"]},
    {"since": {"Device": "2020"}},
    {"since": {"Observation": "last year"}},
    {"token": "a secret in the file"},
    {"authorization": "password"},
]


@pytest.mark.parametrize("entry", REFUSED, ids=",".join)
def test_an_entry_that_does_not_hold_together_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Server(base=BASE, **entry)


def test_a_file_that_is_not_there_is_named_by_its_key(tmp_path: Path) -> None:
    entry = Server(base=BASE, authorization="bearer", token_file=tmp_path / "none")
    with pytest.raises(SettingsInvalid, match="token_file"):
        access_of((entry,), BASE)
    (tmp_path / "ca").write_text("no certificate")
    with pytest.raises(SettingsInvalid, match="ca_file"):
        access_of((Server(base=BASE, ca_file=tmp_path / "ca"),), BASE)


def test_entries_are_read_from_the_file_and_a_wrong_one_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "sidenote.toml"
    monkeypatch.setenv("SIDENOTE_CONFIG", str(file))
    file.write_text(f'[[server]]\nbase = "{BASE}"\nquirks = ["patient-long-form"]\nsince = {{ Observation = "2019-01-01" }}\n')
    (entry,) = load_settings().server
    assert dict(access_of((entry,), BASE).plan.since) == {"Observation": "2019-01-01"}
    file.write_text(f'[[server]]\nbase = "{BASE}"\nquirk = ["patient-long-form"]\n')
    with pytest.raises(SettingsInvalid, match="server"):
        load_settings()


def key(folder: Path) -> Path:
    """A private key of ours as a file, and its public half registered with the pretend hospital by the tests that use it."""
    from joserfc.jwk import ECKey

    made = ECKey.generate_key("P-384", {"kid": "k1", "use": "sig", "alg": "ES384"}, auto_kid=False)
    path = folder / "key.jwk"
    path.write_text(json.dumps(made.as_dict(private=True)))
    return path


@pytest.mark.std("A17")
@pytest.mark.fault(31)
def test_a_backend_service_reads_a_patient_of_a_server_that_wants_a_token_and_says_what_it_may_not_see(tmp_path: Path) -> None:
    private = json.loads(key(tmp_path).read_text())
    public = {name: value for name, value in private.items() if name != "d"}
    patient = {"resourceType": "Patient", "id": "p1"}
    condition = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}}
    client = Client("sidenote", "confidential-asymmetric", "system/Patient.rs system/Condition.rs", jwks={"keys": [public]})
    with running(Store([patient, condition]), Config(requires_token=True, clients=(client,))) as server:
        entry = Server(
            base=server.base,
            authorization="backend",
            client_id="sidenote",
            key_file=tmp_path / "key.jwk",
            scopes=("system/Patient.rs", "system/Condition.rs", "system/Observation.rs"),
        )
        chart = asyncio.run(chart_of(server.base, access_of((entry,), server.base)))
        with pytest.raises(AccessRefused):
            asyncio.run(chart_of(server.base, access_of((), server.base)))
    assert [fact.reference for fact in chart.facts] == ["Condition/c1"]
    assert (chart.manifest.state("Condition"), chart.manifest.state("Observation")) == ("complete", "refused")


async def chart_of(base: str, access: Access) -> Chart:
    source = ServerSource(base, access)
    try:
        return await source.chart("p1")
    finally:
        await source.aclose()


@pytest.mark.parametrize("text", ["Bearer CANARY", "CANARY\nCANARY", "", '{"access_token":"CANARY"}', "CAN\u00c4RY"])
def test_a_token_file_that_holds_something_else_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsInvalid) as caught:
        access_of((Server(base=BASE, authorization="bearer", token_file=tmp_path / "token"),), BASE)
    assert "CAN" not in repr(caught.value)
