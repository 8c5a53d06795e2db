"""The chart's page in Chromium, with an app in its panel that stands at another origin and notes what it is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Dialog, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.chart.routes import chart_routes
from sandbox.chart.staff import CLINICIANS
from sandbox.ehr.app import hospital_routes
from sandbox.ehr.config import Config
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store
from sandbox.patients.story import CLOCK

AXE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = pytest.mark.journey

APP_PAGE = """<!doctype html><title>app</title><script>
addEventListener("message", (event) => {
  const log = JSON.parse(name || "[]");
  name = JSON.stringify([...log, { origin: event.origin, data: event.data }]);
  if (event.data.messageType) fetch("/told/" + event.data.messageType, { keepalive: true });
  if (event.data.messageType) parent.postMessage({ messageId: "a", responseToMessageId: event.data.messageId, payload: {} }, "*");
});
document.documentElement.dataset.listens = "";
</script>"""


@pytest.fixture(scope="module")
def app() -> Iterator[tuple[str, list[str]]]:
    """The app's origin, and the types of the messages it has been told."""
    told: list[str] = []

    async def page(request: Request) -> HTMLResponse:
        return HTMLResponse(APP_PAGE)

    async def tell(request: Request) -> HTMLResponse:
        told.append(request.path_params["kind"])
        return HTMLResponse("")

    def composed(_: Hospital) -> ASGIApp:
        return Starlette(routes=[Route("/launch", page), Route("/told/{kind}", tell)])

    with running(Store(), compose=composed) as server:
        yield server.origin, told


@pytest.fixture(scope="module")
def framing(app: tuple[str, list[str]], resources: tuple[dict[str, Any], ...]) -> Iterator[Running]:
    def composed(hospital: Hospital) -> ASGIApp:
        chart = chart_routes(hospital, launch_url=lambda: f"{app[0]}/launch", now=lambda: CLOCK)
        return Starlette(routes=[*chart, *hospital_routes(hospital)])

    with running(Store(resources), Config(users=CLINICIANS), compose=composed) as server:
        yield server


@pytest.fixture(scope="module")
def browser(one_renderer: Callable[..., Any], framing: Running) -> Iterator[BrowserContext]:
    viewport = {"width": 1280, "height": 800}
    with one_renderer(f"{framing.origin}/chart/_/static/dom.js", viewport=viewport, base_url=framing.origin) as context:
        yield context


@pytest.fixture
def page(browser: BrowserContext) -> Iterator[Page]:
    """Dr Osei before the chart of Chidi Okafor, the app open beside it; no script fails and nothing is refused by the page's policy."""
    page = browser.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if "Content Security Policy" in message.text else None)
    page.goto("/")
    page.get_by_role("button", name="Open the patient list").click()
    page.get_by_role("link", name="Okafor, Chidi").click()
    listening(page)
    yield page
    page.close()
    browser.clear_cookies()
    browser.pages[0].evaluate("localStorage.clear()")
    assert wrong == []


def listening(page: Page) -> None:
    """Wait until the app in the frame has come so far that it hears what it is told."""
    page.frame_locator("iframe").locator("html[data-listens]").wait_for(state="attached")


def heard(page: Page, least: int, comes_true: Callable[..., None]) -> list[dict[str, Any]]:
    """What the app in the frame noted, once it is so many messages."""
    comes_true(page.frames[1], "(least) => JSON.parse(name || '[]').length >= least", least)
    found: list[dict[str, Any]] = page.frames[1].evaluate("JSON.parse(name || '[]')")
    return found


@pytest.mark.fault(34)
def test_a_careful_chart_tells_the_app_and_takes_it_away_before_the_next_patient(page: Page, app: tuple[str, list[str]]) -> None:
    app[1].clear()
    first = page.locator("iframe").get_attribute("src")
    page.get_by_role("link", name="Next patient").click()
    page.get_by_role("heading", name="Larsen, Erik").wait_for()
    listening(page)
    deadline = time.monotonic() + 60
    while not app[1] and time.monotonic() < deadline:
        page.wait_for_timeout(20)
    assert app[1] == ["patient-close"]
    assert page.locator("iframe").get_attribute("src") != first


@pytest.mark.fault(34)
def test_a_careless_chart_keeps_the_app_and_the_app_is_told_all_the_same(
    page: Page, framing: Running, comes_true: Callable[..., None]
) -> None:
    first = page.locator("iframe").get_attribute("src")
    page.get_by_label("More about the panel").click()
    page.get_by_label("Keep the panel").check()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Next patient").click()
    page.get_by_role("heading", name="Larsen, Erik").wait_for()
    assert page.url.endswith("/chart/tension-ptx")
    assert page.locator("iframe").get_attribute("src") == first
    (message,) = heard(page, 1, comes_true)
    assert message["origin"] == framing.origin
    assert set(message["data"]) == {"messageId", "messagingHandle", "messageType", "payload"}
    assert message["data"]["messageType"] == "patient-close"
    assert message["data"]["payload"] == {"patient": {"reference": "Patient/metformin-egfr35"}}
    page.get_by_role("button", name="Launch again").click()
    comes_true(page, "source => document.querySelector('iframe')?.src !== source", first)


@pytest.mark.fault(47)
def test_only_the_launched_apps_own_messages_with_its_handle_are_answered(
    page: Page, framing: Running, comes_true: Callable[..., None]
) -> None:
    comes_true(page, "!!document.querySelector('iframe')")
    app_frame, workspace = page.frames[1], page.locator("[data-workspace]")
    say = "message => parent.postMessage(message, '*')"
    for handle in ("guess", None, {"toString": 1}):
        app_frame.evaluate(say, {"messageId": "1", "messageType": "ui.done", "messagingHandle": handle, "payload": {}})
    app_frame.evaluate(say, "ui.done")
    page.evaluate("postMessage({messageId: '1', messageType: 'ui.done', messagingHandle: 'guess', payload: {}})")
    page.wait_for_timeout(50)
    assert "folded" not in (workspace.get_attribute("class") or "")
    minted = (page.locator("iframe").get_attribute("src") or "").partition("launch=")[2]
    handle = framing.auth.launches._launches[minted][0].context.messaging.handle  # type: ignore[union-attr]
    app_frame.evaluate(say, {"messageId": "2", "messageType": "status.handshake", "messagingHandle": handle, "payload": {}})
    app_frame.evaluate(say, {"messageId": "3", "messageType": "ui.done", "messagingHandle": handle, "payload": {}})
    page.locator("[data-workspace].folded").wait_for()
    assert [message["data"]["responseToMessageId"] for message in heard(page, 2, comes_true)] == ["2", "3"]


@pytest.mark.fault(109)
@pytest.mark.parametrize("answer", ["accept", "dismiss"])
def test_an_emergency_is_launched_from_the_menu_once_somebody_said_yes_to_it(
    page: Page, framing: Running, answer: str, comes_true: Callable[..., None]
) -> None:
    asked: list[str] = []

    def answered(dialog: Dialog) -> None:
        asked.append(dialog.message)
        getattr(dialog, answer)()

    page.on("dialog", answered)
    before = page.locator("iframe").get_attribute("src")
    page.get_by_label("More about the panel").click()
    page.get_by_role("button", name="Emergency access…").click()
    assert asked == ["Open this chart in an emergency? Every read is recorded as such."]
    if answer == "accept":
        comes_true(page, "source => (document.querySelector('iframe')?.src ?? source) !== source", before)
        assert page.get_by_role("button", name="Emergency access…").is_hidden()
    source = page.locator("iframe").get_attribute("src") or ""
    assert (source == before) is (answer == "dismiss")
    context = framing.auth.launches.use(source.partition("launch=")[2]).context
    assert (context.patient, context.intent) == ("metformin-egfr35", "break-glass" if answer == "accept" else None)


def test_the_panel_is_widened_narrowed_and_folded_by_keyboard_within_its_bounds(page: Page) -> None:
    grip = page.get_by_role("separator", name="Width of the panel")
    for key, width in (("ArrowLeft", 420), ("End", 720), ("ArrowLeft", 720), ("Home", 320), ("ArrowRight", 320)):
        grip.press(key)
        assert grip.get_attribute("aria-valuenow") == str(width)
        assert page.locator("iframe").evaluate("frame => frame.getBoundingClientRect().width") == width
    page.get_by_role("button", name="Hide the panel").press("Enter")
    assert not page.locator("iframe").is_visible()
    page.get_by_role("button", name="Show the panel").press("Enter")
    assert page.locator("iframe").is_visible()


def test_a_patient_is_found_and_opened_without_a_mouse(page: Page) -> None:
    page.get_by_role("link", name="Patients").click()
    page.get_by_role("heading", name="Patients").wait_for()
    page.wait_for_load_state()
    page.keyboard.press("/")
    page.keyboard.type("erik larsen")
    page.get_by_text("1 of 2 patients").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Larsen, Erik").wait_for()


def test_the_switch_says_in_the_chart_what_the_server_does_until_it_behaves(page: Page) -> None:
    banner = page.locator("[data-trouble]")
    assert banner.is_hidden()
    page.get_by_text("Server", exact=True).click()
    page.get_by_label("Down").check()
    page.get_by_text("503", exact=False).first.wait_for()
    page.locator("[data-trouble]:not([hidden])").wait_for()
    page.get_by_role("button", name="Behave again").click()
    banner.wait_for(state="hidden")
    assert not page.get_by_label("Down").is_checked()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_against_wcag_2_2_aa(page: Page, theme: Any, missing: Any) -> None:
    if not AXE.exists():
        missing("axe-core is not installed: npm ci")
    page.emulate_media(color_scheme=theme)
    assert [fault for where in ("/", "/chart", "/chart/tension-ptx") for fault in faults_of(page, where)] == []


def faults_of(page: Page, where: str) -> list[str]:
    """What axe finds on a page with everything on it unfolded."""
    page.goto(where)
    page.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
    page.evaluate(AXE.read_text("utf-8"))
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("tags => axe.run(document, { runOnly: tags, iframes: false })", tags)
    return [f"{where} {one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]
