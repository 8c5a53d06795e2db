"""`sidenote serve`, as a process of its own: it begins with what it needs or not at all, and ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from sandbox.ehr.auth.clients import Client
from sandbox.ehr.config import Config
from sandbox.ehr.serve import running
from sandbox.ehr.store import Store

WINDOW = "w" * 43
SCOPES = "launch openid fhirUser online_access patient/*.rs"


def written(folder: Path, text: str) -> Path:
    file = folder / "sidenote.toml"
    file.write_text(text)
    return file


def ready(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{url}/api/ehrs", trust_env=False, timeout=60).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    process.kill()
    raise AssertionError(process.communicate()[1])


def launched(url: str, hospital: Any) -> str:
    """Launch for `p1`; the handle."""
    asked = {"iss": hospital.base, "launch": hospital.auth.mint_launch(patient="p1"), "window": WINDOW}
    begun = httpx.post(f"{url}/api/launch", json=asked, trust_env=False, timeout=60).json()["authorize_url"]
    query = urlsplit(httpx.get(begun, trust_env=False, timeout=60).headers["location"]).query
    opened = httpx.post(f"{url}/api/session", json={"ehr": "lindenhof", "query": query, "window": WINDOW}, trust_env=False, timeout=60)
    assert opened.status_code == 201, opened.text
    handle: str = opened.json()["handle"]
    return handle


@pytest.mark.slow
@pytest.mark.fault(32)
def test_it_serves_until_it_is_told_to_stop_and_ends_its_sessions_first(tmp_path: Path, ports_for_children: Callable[[], int]) -> None:
    port = ports_for_children()
    url = f"http://127.0.0.1:{port}"
    client = Client("sidenote", "public", SCOPES, (f"{url}/callback/lindenhof",))
    with running(Store([{"resourceType": "Patient", "id": "p1"}]), Config(clients=(client,), requires_token=True)) as hospital:
        ehr = f'[[ehr]]\nname = "lindenhof"\niss = "{hospital.base}"\nclient_id = "sidenote"\n'
        file = written(tmp_path, f'public_url = "{url}"\nport = {port}\n{ehr}')
        environment = {**os.environ, "SIDENOTE_CONFIG": str(file), "SIDENOTE_HOME": str(tmp_path / "home")}
        command = [sys.executable, "-m", "sidenote", "serve"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                ready(url, process)
                handle = launched(url, hospital)
                process.send_signal(signal.SIGTERM)
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()
    assert process.returncode == 0, err
    assert out == f"Sidenote listens at 127.0.0.1:{port} for {url}\n"
    assert [line for line in err.splitlines() if not {"time", "level"} <= set(json.loads(line))] == []
    assert [word for word in ("code=", "state=", handle, WINDOW, "p1", "Traceback") if word in err] == []
    with sqlite3.connect(tmp_path / "home" / "store.sqlite") as db:
        (last,) = db.execute("SELECT line FROM audit WHERE event = 'ended'").fetchall()
    assert json.loads(last[0])["code"] == "shutdown"


@pytest.mark.parametrize(
    ("text", "code", "key"),
    [
        ("", "settings_invalid", "ehr"),
        ("EHR", "settings_invalid", "public_url"),
        ('public_url = "http://sidenote.example"\nEHR', "settings_invalid", "public_url"),
        ('public_url = "https://sidenote.example"\nEHR\nfame = 1', "settings_invalid", "ehr.0.fame"),
        ('public_url = "https://sidenote.example"\nhost = "192.0.2.1"\nEHR', "settings_invalid", "host, port"),
        ('public_url = "https://sidenote.example"\nEHR\nca_file = "/no/such"', "settings_invalid", "ca_file"),
        ('public_url = "https://sidenote.example"\nEHR\nscopes = "patient/*"', "registration_invalid", ""),
    ],
)
def test_it_does_not_begin_with_what_is_wrong_and_names_the_key(
    command: Callable[..., Any], tmp_path: Path, text: str, code: str, key: str
) -> None:
    ehr = '[[ehr]]\nname = "lindenhof"\niss = "https://ehr.example/fhir"\nclient_id = "sidenote"'
    refused = command("serve", config=written(tmp_path, text.replace("EHR", ehr)))
    assert key in str(refused.refused(code, None)["detail"])


@pytest.mark.fault(112)
def test_it_does_not_begin_where_charts_would_be_sent_away(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ehr = '[[ehr]]\nname = "lindenhof"\niss = "https://ehr.example/fhir"\nclient_id = "sidenote"'
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    refused = command("serve", config=written(tmp_path, f'public_url = "https://sidenote.example"\n{ehr}'))
    assert "LANGSMITH_TRACING" in str(refused.refused("unsafe_engine", None)["detail"])
