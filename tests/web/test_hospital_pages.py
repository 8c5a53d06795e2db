"""The sign-in and consent pages as people meet them: by axe, by keyboard, narrow and wide, in both themes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page

from sandbox.ehr.auth.clients import Client, User
from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store

pytestmark = pytest.mark.journey

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
SCOPES = "openid fhirUser launch/patient launch/encounter patient/*.rs patient/Observation.rs"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def hospital() -> Iterator[Running]:
    people: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": f"p{number}", "name": [{"family": f"Family{number:02}", "given": ["Given"]}], "birthDate": "1950"}
        for number in range(30)
    ]
    visit = {"resourceType": "Encounter", "id": "e1", "class": {"code": "AMB"}, "subject": {"reference": "Patient/p1"}}
    client = Client("app", "public", SCOPES, ("http://127.0.0.1:9/cb",), name="An app")
    users = (User("a", "Practitioner/a", "Dr. Ada Sand"), User("b", "Practitioner/b", "Dr. Ben Dune"))
    with running(Store([*people, visit]), Config(clients=(client,), users=users, asks=True)) as server:
        yield server


@pytest.fixture(params=[("light", 320), ("dark", 1280)], ids=["light, narrow", "dark, wide"])
def tab(request: pytest.FixtureRequest, chromium: Browser, hospital: Running) -> Iterator[Page]:
    """At the sign-in page of a standalone launch."""
    theme, width = request.param
    context = chromium.new_context(color_scheme=theme, viewport={"width": width, "height": 700})
    page = context.new_page()
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()
    asked = {"response_type": "code", "client_id": "app", "redirect_uri": "http://127.0.0.1:9/cb", "scope": SCOPES, "state": "s"}
    proof = {"aud": hospital.base, "code_challenge": challenge, "code_challenge_method": "S256"}
    page.goto(f"{hospital.origin}/auth/authorize?{urlencode(asked | proof)}")
    yield page
    context.close()


def sound(page: Page, missing: Callable[[str], NoReturn]) -> None:
    """No complaint of axe, and nothing wider than the window."""
    if not AXE.is_file():
        missing("the npm package axe-core is not here: npm ci")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("(tags) => axe.run(document, {runOnly: tags})", TAGS)
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_pages_pass_axe_and_fit(tab: Page, missing: Callable[[str], NoReturn]) -> None:
    sound(tab, missing)
    tab.get_by_role("button", name="Dr. Ada Sand").click()
    tab.get_by_role("button", name="Allow").wait_for()
    tab.wait_for_load_state()
    sound(tab, missing)
    assert tab.get_by_role("checkbox").count() == len(SCOPES.split())
    assert all(each.is_checked() for each in tab.get_by_role("checkbox").all())
    tab.get_by_role("button", name="Allow").click()
    assert tab.get_by_role("alert").inner_text() == "Pick whose record it is."
    sound(tab, missing)
    tab.goto(tab.url.replace("/auth/consent", "/auth/authorize"))
    assert "unknown" in tab.inner_text("body")


def test_the_keyboard_is_enough(tab: Page) -> None:
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Dr. Ada Sand"
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", name="Allow An app?").wait_for()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    assert tab.evaluate("document.querySelector('input[name=patient]:checked').value") == "p0"
    with tab.expect_request(lambda request: request.url.startswith("http://127.0.0.1:9/cb?code=")):
        tab.get_by_role("button", name="Allow").focus()
        tab.keyboard.press("Enter")
