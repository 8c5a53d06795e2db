"""The chart's launch, completed by the product's own SMART client: a real one, for this patient, this study and this clinician."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from fhir.errors import LaunchAgain
from fhir.smart import Issuers, Launched, Launches, registered

CALLBACK = "http://127.0.0.1:9/callback"
BINDING = "a-secret-of-this-browser-tab"


async def completed(launches: Launches, iss: str, launch: str) -> Launched:
    url = await launches.ehr(iss, launch, BINDING)
    async with httpx.AsyncClient(timeout=60, verify=False) as http:
        sent_back = await http.get(url)
    assert sent_back.status_code in (302, 303), sent_back.text
    return await launches.callback(CALLBACK, urlsplit(sent_back.headers["location"]).query, BINDING)


def launched(minted: dict[str, Any]) -> Launched:
    query = parse_qs(urlsplit(minted["url"]).query)

    async def run() -> Launched:
        issuer = registered(query["iss"][0], "app", "launch openid fhirUser online_access patient/*.rs", redirect_uri=CALLBACK)
        launches = Launches(Issuers(issuer))
        try:
            return await completed(launches, query["iss"][0], query["launch"][0])
        finally:
            await launches.aclose()

    return asyncio.run(run())


@pytest.mark.std("A1")
@pytest.mark.std("A10")
@pytest.mark.std("A11")
def test_the_chart_launches_an_app_as_an_ehr_does(browser: Any) -> None:
    study = "tension-ptx-imagingstudy-1"
    minted = browser.post("/chart/tension-ptx/launch", {"study": study}).json()
    found = launched(minted)
    context = found.session.context
    assert found.patient == "tension-ptx"
    assert context.encounter == "tension-ptx-encounter-1"
    assert context.opened("ImagingStudy", browser.ward.base) == (study,)
    assert not context.shows_banner
    assert found.session.user is not None
    assert found.session.user.fhir_user == f"{browser.ward.base}/Practitioner/dr-osei"
    assert (context.smart_web_messaging_origin, context.smart_web_messaging_handle) == (browser.ward.origin, minted["handle"])
    assert context.smart_style_url is not None
    assert minted["study"] == study


@pytest.mark.std("A11")
def test_a_full_page_is_told_to_name_the_patient(browser: Any) -> None:
    sent = browser.http.post("/chart/tension-ptx/launch/page", data={"csrf": browser.token, "study": ""})
    assert launched({"url": sent.headers["location"]}).session.context.shows_banner


def test_sessions_that_are_ended_can_neither_ask_nor_renew(browser: Any) -> None:
    query = parse_qs(urlsplit(browser.post("/chart/tension-ptx/launch", {}).json()["url"]).query)

    async def run() -> None:
        issuer = registered(query["iss"][0], "app", "launch openid fhirUser online_access patient/*.rs", redirect_uri=CALLBACK)
        launches = Launches(Issuers(issuer))
        try:
            found = await completed(launches, query["iss"][0], query["launch"][0])
            assert await found.session.renew(await found.session.header())
            await asyncio.to_thread(browser.post, "/chart/_/server/sessions", {})
            with pytest.raises(LaunchAgain):
                await found.session.renew(await found.session.header())
        finally:
            await launches.aclose()

    asyncio.run(run())


def test_everything_of_the_chart_stands_under_its_own_paths(browser: Any) -> None:
    assert browser.http.get("/fhir/metadata").status_code == 200
    assert browser.http.get("/auth/jwks").status_code == 200
    assert browser.http.get("/elsewhere").status_code == 404
