"""Who may frame the page, on two sites in headless Chromium: the registered chart alone, and it works there whatever the browser blocks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect, sync_playwright

pytestmark = [pytest.mark.journey, pytest.mark.slow]
PATIENCE = 60_000
CHROMIUM = Path("/usr/bin/chromium")
BLOCKED = "chrome-error://chromewebdata/"
"""Where a frame is that its server does not let stand there."""
CHART = b"<!doctype html><title>A chart</title><iframe title=app width=420 height=900></iframe>"
STORE = [
    {"resourceType": "Patient", "id": "p", "name": [{"family": "Lindqvist"}], "birthDate": "1960-01-01", "gender": "female"},
    {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}, "code": {"text": "Gout"}},
]
FRAME = "(url) => { document.querySelector('iframe').src = url; }"
BLOCKING = {"block_third_party_cookies": True, "cookie_controls_mode": 1}
ALLOWING = {"block_third_party_cookies": False, "cookie_controls_mode": 0}
"""Chromium's preferences for what sites other than the one in the address bar may keep."""
PARTITIONED = "--disable-features=NothingAtAll"
"""In the place of what Playwright turns off: as users have it, a framed site has stores of its own beneath each site that frames it."""
UNPARTITIONED = "--disable-features=ThirdPartyStoragePartitioning"
"""As browsers were, and some are: whoever blocks cookies of third parties blocks every store of theirs."""
SHELLS = ("launch", "callback", "start", "standalone")
OTHERS = ("unknown issuer", "launch without issuer", "unknown callback", "API", "health", "file")


@contextmanager
def page_of_a_chart() -> Iterator[int]:
    """A page with an empty frame, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(CHART)))
            self.end_headers()
            self.wfile.write(CHART)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


class Sites:
    """A registered chart, a page that is none, and Sidenote; `localhost` and `127.0.0.1` are two sites to a browser."""

    def __init__(self, door: Any, chart: int, stranger: int) -> None:
        self.door, self.chart, self.strangers = door, f"http://localhost:{chart}", [f"http://{host}:{stranger}" for host in HOSTS]

    def launch(self) -> str:
        """The address of a launch that the EHR has just minted."""
        hospital = self.door.hospitals["lindenhof"]
        return f"{self.door.url}/launch?{urlencode({'iss': hospital.base, 'launch': hospital.auth.mint_launch(patient='p')})}"

    def address(self, what: str) -> str:
        """Of each kind of page and answer."""
        paths = {
            "callback": "/callback/lindenhof?code=c&state=s",
            "start": "/",
            "standalone": "/standalone",
            "unknown issuer": "/launch?iss=https%3A%2F%2Fevil.example%2Ffhir&launch=l",
            "launch without issuer": "/launch",
            "unknown callback": "/callback/nobody?code=c&state=s",
            "API": "/api/ehrs",
            "health": "/health",
            "file": "/static/main.js",
        }
        return self.launch() if what == "launch" else f"{self.door.url}{paths[what]}"


HOSTS = ("localhost", "127.0.0.1")


@pytest.fixture(scope="module")
def sites(open_door: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with ExitStack() as stack:
        chart, stranger = stack.enter_context(page_of_a_chart()), stack.enter_context(page_of_a_chart())
        about = {"frame_ancestors": (f"http://localhost:{chart}",)}
        door = stack.enter_context(open_door(tmp_path_factory.mktemp("framing"), stores={"lindenhof": STORE}, ehr=about))
        yield Sites(door, chart, stranger)


@pytest.fixture(scope="module")
def play(missing: Callable[[str], Any]) -> Iterator[Playwright]:
    if not CHROMIUM.exists():
        missing("Chromium is not installed")
    with sync_playwright() as play:
        yield play


@contextmanager
def browsing(play: Playwright, home: Path, *flags: str, **profile: Any) -> Iterator[BrowserContext]:
    """A browser with a home of its own, in whose profile these preferences are set."""
    (home / "Default").mkdir(parents=True)
    (home / "Default" / "Preferences").write_text(json.dumps({"profile": profile}))
    context = play.chromium.launch_persistent_context(home, executable_path=str(CHROMIUM), args=["--no-sandbox", *flags])
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    try:
        yield context
    finally:
        context.close()


@pytest.fixture(scope="module")
def usual(play: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with browsing(play, tmp_path_factory.mktemp("usual") / "home") as context:
        yield context


@contextmanager
def framing(context: BrowserContext, origin: str, address: str) -> Iterator[Page]:
    """A page at `origin` whose frame was sent to `address` and has loaded whatever it got."""
    page = context.new_page()
    page.goto(origin)
    with page.expect_event("framenavigated", lambda frame: frame.parent_frame is not None and frame.url != "about:blank"):
        page.evaluate(FRAME, address)
    yield page
    page.close()


@pytest.mark.std("A19")
@pytest.mark.fault(45)
@pytest.mark.parametrize("what", [*SHELLS, *OTHERS])
def test_a_page_that_is_not_registered_frames_nothing(what: str, sites: Sites, usual: BrowserContext) -> None:
    """Neither on another port of the registered host, nor on Sidenote's own."""
    for stranger in sites.strangers:
        with framing(usual, stranger, sites.address(what)) as page:
            assert page.frames[1].url == BLOCKED
            assert "Sidenote" not in page.frames[1].content()


@pytest.mark.fault(45)
@pytest.mark.parametrize("what", ["callback", "start", "standalone"])
def test_the_registered_chart_frames_the_pages(what: str, sites: Sites, usual: BrowserContext) -> None:
    with framing(usual, sites.chart, sites.address(what)) as page:
        expect(page.frame_locator("iframe").locator("main[data-state=start] h1")).to_be_visible()


@pytest.mark.fault(45)
@pytest.mark.parametrize("what", OTHERS)
def test_not_even_the_registered_chart_frames_an_error_or_an_answer(what: str, sites: Sites, usual: BrowserContext) -> None:
    with framing(usual, sites.chart, sites.address(what)) as page:
        assert page.frames[1].url == BLOCKED


def finished(page: Page, sites: Sites) -> None:
    """The frame shows a review, and the browser keeps nothing of it but the tab's secret."""
    expect(page.frame_locator("iframe").locator("main")).to_have_attribute("data-state", "review")
    frame = page.frames[1]
    assert frame.url == f"{sites.door.url}/callback/lindenhof"
    kept = frame.evaluate("[Object.keys(sessionStorage), Object.keys(localStorage), document.cookie, location.search, location.hash]")
    assert kept == [["window"], [], "", "", ""]
    assert page.context.cookies() == []


@pytest.mark.std("A19")
@pytest.mark.fault(46)
@pytest.mark.parametrize(
    ("flags", "profile"),
    [((PARTITIONED,), ALLOWING), ((PARTITIONED, "--test-third-party-cookie-phaseout"), BLOCKING)],
    ids=["a usual browser", "third-party cookies blocked, storage partitioned"],
)
def test_framed_by_the_registered_chart_the_review_is_made(
    flags: tuple[str, ...], profile: dict[str, Any], sites: Sites, play: Playwright, tmp_path: Path
) -> None:
    with browsing(play, tmp_path / "home", *flags, **profile) as context, framing(context, sites.chart, sites.launch()) as page:
        finished(page, sites)


@pytest.mark.std("A19")
@pytest.mark.fault(46)
def test_where_a_frame_has_no_storage_a_window_of_its_own_is_offered_and_works(sites: Sites, play: Playwright, tmp_path: Path) -> None:
    with browsing(play, tmp_path / "home", UNPARTITIONED, **BLOCKING) as context, framing(context, sites.chart, sites.launch()) as page:
        blocked = page.frame_locator("iframe").locator("main[data-state=blocked]")
        expect(blocked).to_contain_text("Your browser keeps no storage for a frame")
        with context.expect_page() as opened:
            blocked.get_by_role("link", name="Open in a window").click()
        own = opened.value
        own.locator("main[data-state=review]").wait_for()
        assert own.url == f"{sites.door.url}/callback/lindenhof"
        assert own.evaluate("[Object.keys(sessionStorage), Object.keys(localStorage), document.cookie]") == [["window"], [], ""]
        assert own.evaluate("opener") is None
        expect(blocked).to_be_visible()
