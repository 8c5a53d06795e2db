"""The demo as one application: three doors at one address, none in another's way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from sandbox.patients import contrast
from sidenote.demo_server import CLIENT_ID, EHR_NAME, MOUNT, SCOPES, demo_app, demo_settings
from sidenote.settings import CONFIG_VARIABLE

ORIGIN = "http://127.0.0.1:8400"
TOLD = (contrast.shellfish_label(),)


def answers(home: Path, *paths: str) -> dict[str, httpx.Response]:
    async def ask(app: Starlette) -> dict[str, httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as http:
            return {path: await http.get(path) for path in paths}

    async def run() -> dict[str, httpx.Response]:
        async with demo_app(demo_settings(home, ORIGIN), TOLD, home, ORIGIN) as demo:
            return await ask(demo.app)

    return asyncio.run(run())


def test_hospital_chart_and_sidenote_stand_beside_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDENOTE_IMAGE_MODEL", "off")
    found = answers(
        tmp_path, "/", "/chart", "/fhir/metadata", "/fhir/Patient", "/auth/jwks", f"{MOUNT}/api/ehrs", f"{MOUNT}/launch", "/launch"
    )
    assert {path: answer.status_code for path, answer in found.items()} == {
        "/": 200,
        "/chart": 303,
        "/fhir/metadata": 200,
        "/fhir/Patient": 401,
        "/auth/jwks": 200,
        f"{MOUNT}/api/ehrs": 200,
        f"{MOUNT}/launch": 400,
        "/launch": 404,
    }
    assert found[f"{MOUNT}/api/ehrs"].json() == [{"name": EHR_NAME, "title": "Pretend hospital", "iss": f"{ORIGIN}/fhir"}]


def test_the_users_own_configuration_is_neither_read_nor_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDENOTE_PUBLIC_URL", "https://elsewhere.example")
    monkeypatch.setenv("SIDENOTE_HOME", str(tmp_path / "mine"))
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    settings = demo_settings(tmp_path / "demo", ORIGIN)
    assert (settings.home, settings.public_url) == (tmp_path / "demo", f"{ORIGIN}{MOUNT}")
    (ehr,) = settings.ehr
    assert (ehr.iss, ehr.client_id, ehr.write_back, ehr.images) == (f"{ORIGIN}/fhir", CLIENT_ID, True, (f"{ORIGIN}/dicomweb",))


def test_only_reading_and_what_a_draft_consists_of_is_asked_for() -> None:
    written = {"patient/Composition.crs", "patient/DetectedIssue.crs", "patient/RiskAssessment.crs", "user/Provenance.crs"}
    assert set(SCOPES.split()) == {"launch", "openid", "fhirUser", "online_access", "patient/*.rs"} | written
