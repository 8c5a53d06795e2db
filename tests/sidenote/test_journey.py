"""The whole journey in headless Chromium over real servers: chart page, SMART launch, review, decision, and every way it ends."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, FrameLocator, Locator, Page, expect

from sandbox.chart.misbehaviour import Misbehaviour, Plan
from sandbox.patients import chests, contrast
from sidenote.demo_server import MOUNT, Demo, demo_app, demo_settings
from sidenote.web.listening import Listening, bound

pytestmark = [pytest.mark.journey, pytest.mark.slow]
PATIENCE = 60_000
"""Milliseconds a condition may take on a loaded machine; nothing waits this long when all is well."""
STORIES = (
    chests.tension_pneumothorax(),
    contrast.ckd_stage_4(),
    contrast.severe_contrast_reaction(),
    contrast.shellfish_label(),
)
TENSION, CKD, REACTION, SHELLFISH = (story.person.id for story in STORIES)
TIMES = 3
"""A change of patient at each of four moments. Those in their hundreds are in tests/sidenote/web/test_switches.py."""
MARKS = {story.person.id: [story.person.id, story.person.family] for story in STORIES}
"""Patient -> what stands in a sidebar of theirs and in no other: resource ids begin with the patient's, and a decision names them."""
WATCH = """(marks) => {
  if (window !== top || !location.pathname.startsWith("/chart/")) return;
  let before = "";
  const look = () => {
    const patient = document.querySelector("[data-patient]")?.dataset.patient;
    const text = document.querySelector("iframe")?.contentDocument?.body?.textContent ?? "";
    const seen = patient === undefined ? [] : Object.keys(marks).filter((id) => marks[id].some((word) => text.includes(word)));
    const told = seen.map((id) => `${id} beside ${patient}`).join(", ");
    if (told && told !== before) console.info(`watch: ${told}`);
    before = told;
    requestAnimationFrame(look);
  };
  look();
}"""
"""Compares, in every frame that is painted, the chart's patient with what stands in the sidebar: both lie at one origin here."""


@dataclass
class Ward:
    """The demo as it is served."""

    origin: str
    demo: Demo

    def misbehave(self, **plan: Any) -> None:
        """As the chart's switch has it; nothing given: behave."""
        Misbehaviour(self.demo.hospital).follow(Plan(**plan))

    def written(self, type_: str) -> list[Mapping[str, Any]]:
        """What stands in the record of a type and is labelled as an AI's."""
        bodies = [version.body for version in self.demo.hospital.store.of_type(type_)]
        return [body for body in bodies if "AIAST" in str(body.get("meta")) + str(body.get("reason"))]


@pytest.fixture(scope="module")
def ward(home: Path, hospital: Path, tmp_path_factory: pytest.TempPathFactory, serve_in_a_thread: Callable[..., Any]) -> Iterator[Ward]:
    """The demo in a thread of its own, on a free port of loopback."""
    own = tmp_path_factory.mktemp("journey")
    shutil.copytree(home / "library", own / "library")
    with bound("127.0.0.1", 0) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"

        async def serve(ready: Future[tuple[Any, Any]]) -> None:
            async with demo_app(demo_settings(own, origin), STORIES, hospital, origin) as demo:
                server = Listening(demo.app, demo.parts.sessions.aclose)
                ready.set_result((demo, server))
                await server.serve(sockets=[listener])

        with serve_in_a_thread(serve) as demo:
            yield Ward(origin, demo)


@pytest.fixture(scope="module")
def browser(one_renderer: Callable[..., Any], ward: Ward) -> Iterator[BrowserContext]:
    viewport = {"width": 1440, "height": 1000}
    with one_renderer(f"{ward.origin}/chart/_/static/dom.js", viewport=viewport, reduced_motion="reduce") as context:
        context.add_init_script(f"({WATCH})({MARKS!r})")
        yield context


@dataclass
class Visit:
    """Dr Osei's browser: the chart page, the sidebar in it, and what went over the wire."""

    page: Page
    ward: Ward
    handles: list[str] = field(default_factory=list)
    """The handles that the sidebars have sent, in the order of their first use."""
    reviews: set[str] = field(default_factory=set)
    """The reviews that the sidebars have followed."""
    secrets: set[str] = field(default_factory=set)
    """Codes, states and launches that passed."""
    watched: list[str] = field(default_factory=list)
    """`A beside B`: words of A's stood in the sidebar while B's chart was open."""

    @property
    def sidebar(self) -> FrameLocator:
        return self.page.frame_locator("iframe")

    def state(self, name: str) -> Locator:
        """The sidebar's main part in a state."""
        return self.sidebar.locator(f"main[data-state={name}]")

    def open(self, patient: str, *, until: str = "review") -> None:
        """Open a chart and wait until its sidebar has come so far, and has read what was decided before."""
        self.page.goto(f"{self.ward.origin}/chart/{patient}", wait_until="commit")
        expect(self.sidebar.locator("main")).to_have_attribute("data-state", until)
        expect(self.sidebar.locator("[aria-busy=true]")).to_have_count(0)

    def switch(self, patient: str) -> None:
        """Choose another patient, as the chart's own links do."""
        self.page.locator(f'[data-swap=nav] li a[href="/chart/{patient}"]').dispatch_event("click")

    def api(self, method: str, path: str, handle: str, body: Any = None) -> httpx.Response:
        """Ask Sidenote itself, with a handle."""
        headers = {"Authorization": f"Bearer {handle}"}
        return httpx.request(method, f"{self.ward.origin}{MOUNT}/api/{path}", headers=headers, json=body, trust_env=False, timeout=60)

    def require_over(self, handle: str) -> None:
        """A handle opens nothing any longer. Waited for: a page that goes blank sends the word that ends its session at the same moment."""
        deadline = time.monotonic() + PATIENCE / 1000
        while (answer := self.api("GET", "reviews/any", handle)).status_code != 401 and time.monotonic() < deadline:
            self.page.wait_for_timeout(50)
        assert (answer.status_code, answer.json()["code"]) == (401, "session_over")

    def require_seen(self, patient: str) -> None:
        """The watch has seen the patient's words beside the patient's chart. It looks once a frame, and is heard some time later."""
        deadline = time.monotonic() + PATIENCE / 1000
        while f"{patient} beside {patient}" not in self.watched and time.monotonic() < deadline:
            self.page.wait_for_timeout(50)
        assert f"{patient} beside {patient}" in self.watched

    def note(self, request: Any) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if given and given not in self.handles:
            self.handles.append(given)
        self.reviews.update(re.findall(r"/api/reviews/([^/]+)/events", request.url))
        self.secrets.update(re.findall(r"[?&](?:code|state|launch)=([^&]+)", request.url))


@pytest.fixture
def visit(browser: BrowserContext, ward: Ward) -> Iterator[Visit]:
    """Signed in at the chart. No script fails, no policy of a page refuses anything, and no foreign word is ever painted."""
    page = browser.new_page()
    visit, wrong = Visit(page, ward), list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: visit.watched.append(message.text[7:]) if message.text.startswith("watch: ") else None)

    def heed(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            wrong.append(message.text)

    browser.on("console", heed)
    browser.on("request", visit.note)
    page.goto(f"{ward.origin}/")
    page.get_by_role("button", name="Open the patient list").click()
    page.get_by_role("heading", name="Patients").wait_for()
    page.wait_for_load_state()  # the modules too: until then nobody hears that a switch was thrown
    yield visit
    ward.misbehave()
    leave(browser)
    browser.remove_listener("console", heed)
    browser.remove_listener("request", visit.note)
    assert wrong == []
    assert [told for told in visit.watched if len(set(told.split(" beside "))) != 1] == []


def leave(browser: BrowserContext) -> None:
    """Close every tab but the first, and keep nothing of what they kept."""
    for tab in browser.pages[1:]:
        tab.close()
    browser.clear_cookies()
    browser.pages[0].evaluate("localStorage.clear()")


@pytest.mark.std("E7")
@pytest.mark.std("F1")
@pytest.mark.fault(51)
def test_from_the_chart_to_a_decision_in_the_record(visit: Visit) -> None:
    visit.open(TENSION)
    sidebar = visit.sidebar

    chip = sidebar.locator(".first .card .lead .cite").first
    chip.click()
    row = sidebar.locator(".evidence li.on")
    expect(row).to_be_focused()
    expect(row.locator("b").first).to_have_text(chip.inner_text())
    row.get_by_role("button", name="Back to the sentence").click()
    expect(chip).to_be_focused()

    sidebar.get_by_role("button", name=f"Show in image: {chip.inner_text()}").click()
    frame = sidebar.locator(".frame.now")
    expect(frame).to_be_focused()
    expect(frame).to_be_in_viewport()
    expect(frame.locator("canvas")).to_have_attribute("aria-label", re.compile("left tension pneumothorax"))
    before = frame.locator("canvas").evaluate("canvas => canvas.toDataURL()")
    heat = sidebar.get_by_role("button", name="Heat map")
    shown = heat.get_attribute("aria-pressed")
    heat.click()
    expect(heat).not_to_have_attribute("aria-pressed", shown or "")
    assert frame.locator("canvas").evaluate("canvas => canvas.toDataURL()") != before

    sidebar.get_by_label("Ask about this evidence").fill("Is there a pneumothorax?")
    sidebar.get_by_role("button", name="Ask", exact=True).click()
    expect(sidebar.locator(".answer h3").first).to_have_text("Is there a pneumothorax?")

    sidebar.get_by_role("button", name="Model card").click()
    card = sidebar.get_by_role("dialog", name="Model card")
    expect(card.locator("dt").first).to_be_visible()
    card.get_by_role("button", name="Close").click()

    approve_the_first_and_reject_the_second(visit)
    decide_after_another_tab(visit)
    nothing_is_kept(visit)


def approve_the_first_and_reject_the_second(visit: Visit) -> None:
    """The draft is in the record once, labelled and preliminary, and a Provenance speaks of it; a rejection writes nothing."""
    sidebar, ward = visit.sidebar, visit.ward
    types = ("DetectedIssue", "RiskAssessment", "Composition")
    assert [one for name in types for one in ward.written(name)] == []
    first, second = sidebar.locator(".decide").nth(0), sidebar.locator(".decide").nth(1)
    first.get_by_role("button", name="Approve").click()
    assert [one for name in types for one in ward.written(name)] == [], "the first click asks, and decides nothing"
    expect(first.locator(".confirm")).to_contain_text("Erik Larsen")
    first.get_by_role("button", name="Approve for").click()
    expect(first.locator(".decided")).to_contain_text("A preliminary draft is in the EHR, labelled as made by an AI")
    (draft,) = [one for name in types for one in ward.written(name)]
    (provenance,) = ward.written("Provenance")
    reference = f"{draft['resourceType']}/{draft['id']}"
    assert draft["status"] == "preliminary"
    assert f"Patient/{TENSION}" in str(draft)
    assert [target["reference"].partition("/_history")[0] for target in provenance["target"]] == [reference]
    expect(first.locator(".decided")).to_contain_text(reference)

    second.get_by_role("button", name="Reject").click()
    second.get_by_role("button", name="Reject for").click()
    expect(second.get_by_role("alert")).to_have_text("Say why.")
    second.get_by_label("Why it is rejected").fill("Seen and treated already.")
    second.get_by_role("button", name="Reject for").click()
    expect(second.locator(".decided")).to_contain_text("Reason: Seen and treated already.")
    assert len([one for name in types for one in ward.written(name)]) == 1


def decide_after_another_tab(visit: Visit) -> None:
    """Somebody decides on the third card while this page asks for confirmation: the page shows what stands, and a repeat is 409."""
    third = visit.sidebar.locator(".decide").nth(2)
    third.get_by_role("button", name="Approve").click()
    (handle,) = visit.handles
    (number,) = visit.reviews
    shown = visit.api("GET", f"reviews/{number}", handle)
    body = {
        "claim": third.get_attribute("data-claim"),
        "action": "reject",
        "reason": "I was faster.",
        "shown_sha256": hashlib.sha256(shown.content).hexdigest(),
    }
    assert visit.api("POST", f"reviews/{number}/decisions", handle, body).status_code == 201
    third.get_by_role("button", name="Approve for").click()
    expect(third.locator(".decided")).to_contain_text("Somebody had decided first. This stands: ✓ Rejected")
    expect(third.locator(".decided")).to_contain_text("Reason: I was faster.")
    again = visit.api("POST", f"reviews/{number}/decisions", handle, {**body, "action": "approve", "reason": None})
    assert (again.status_code, again.json()["first"]["action"]) == (409, "reject")


def nothing_is_kept(visit: Visit) -> None:
    """Neither handle nor code nor token stands in the browser's stores or in the address (STANDARDS A19)."""
    frame = visit.page.frames[1]
    kept = frame.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie, location.href, history.state])")
    assert [one for one in (*visit.handles, *visit.secrets) if one in kept] == []
    chart = {"chart-keep-panel", "chart-panel-width"}
    assert set(frame.evaluate("[...Object.keys(sessionStorage), ...Object.keys(localStorage)]")) - chart == {"window"}
    assert {cookie["path"] for cookie in visit.page.context.cookies()} == {"/chart"}, "the chart's own; Sidenote has none"
    assert frame.url == f"{visit.ward.origin}{MOUNT}/callback/pretend"


@pytest.mark.fault(34)
def test_a_change_of_patient_takes_the_sidebar_away_at_once_and_its_handle_opens_nothing(visit: Visit) -> None:
    visit.open(SHELLFISH)
    visit.require_seen(SHELLFISH)
    visit.switch(REACTION)
    expect(visit.page).to_have_url(f"{visit.ward.origin}/chart/{REACTION}", timeout=60_000)
    visit.state("review").wait_for()
    expect(visit.sidebar.locator("main")).to_contain_text(REACTION)
    visit.require_seen(REACTION)
    old, new = visit.handles
    visit.require_over(old)
    assert visit.api("GET", "reviews/any", new).status_code == 404

    # a chart that keeps the panel when it changes the patient
    visit.page.locator("[data-keep]").dispatch_event("click")
    visit.switch(SHELLFISH)
    expect(visit.state("ended").locator("h1")).to_have_text("The patient was closed in the chart")
    expect(visit.page.get_by_role("heading", name="Moreau")).to_be_visible()
    assert [word for word in MARKS[REACTION] if word in visit.page.frames[1].locator("body").inner_text()] == []
    expect(visit.state("ended")).to_contain_text("Open Sidenote again from the chart.")
    visit.require_over(new)


@pytest.mark.fault(34)
def test_rapid_changes_at_random_moments_never_paint_a_foreign_word(visit: Visit) -> None:
    chance = random.Random(34)
    moments: tuple[Callable[[], object], ...] = (
        lambda: None,
        lambda: visit.page.locator("iframe").wait_for(state="attached"),
        lambda: visit.sidebar.locator("main[data-state]:not([data-state=start])").wait_for(),
        lambda: visit.sidebar.locator("main[data-state=running], main[data-state=review]").wait_for(),
    )
    here = SHELLFISH
    visit.page.goto(f"{visit.ward.origin}/chart/{here}")
    for number, moment in enumerate(chance.sample(moments * TIMES, len(moments) * TIMES)):
        there, other = chance.sample([one for one in MARKS if one != here], 2)
        if number % 4 == 3:  # two changes in one breath
            visit.switch(other)
        visit.switch(there)
        expect(visit.page).to_have_url(
            f"{visit.ward.origin}/chart/{there}", timeout=60_000
        )  # a navigation overtaken by the next is no error
        visit.page.locator(f"[data-patient={there}]").wait_for()
        moment()
        here = there
    visit.state("review").wait_for()
    expect(visit.sidebar.locator("main")).to_contain_text(here)
    visit.require_seen(here)
    assert visit.api("GET", "reviews/any", visit.handles[-1]).status_code == 404
    for one in visit.handles[:-1]:
        visit.require_over(one)


def test_a_type_that_is_refused_is_named_and_what_rests_on_it_cannot_tell(visit: Visit) -> None:
    visit.page.get_by_text("Server", exact=True).click()
    visit.page.get_by_label("Refuse a type").select_option("Observation")
    visit.page.get_by_text("The server does so from now on.").wait_for()
    visit.open(CKD)
    missing = visit.sidebar.locator("section", has=visit.page.get_by_role("heading", name="Not seen"))
    expect(missing).to_contain_text("What rests on it says “cannot tell”")
    expect(missing).to_contain_text("Observation")
    expect(visit.sidebar.locator("section", has=visit.page.get_by_role("heading", name="Policies"))).to_contain_text("Cannot tell")


@pytest.mark.std("A21")
def test_a_slow_server_shows_how_far_it_is_and_an_expired_session_goes_blank_with_words(visit: Visit) -> None:
    visit.open(SHELLFISH)
    visit.ward.demo.hospital.faults.hold("/fhir/")
    visit.page.get_by_role("button", name="Launch again").click()
    visit.state("running").wait_for()
    expect(visit.sidebar.locator(".steps li[data-state=start]", has_text="Reading the chart")).to_be_visible()
    visit.page.get_by_text("Server", exact=True).click()
    visit.page.get_by_role("button", name="End all sessions now").click()
    visit.page.get_by_text("Every session that was open is over.").wait_for()
    visit.ward.demo.hospital.faults.release()
    expect(visit.state("failed")).to_contain_text("it takes a new launch from the EHR")
    expect(visit.state("failed")).to_contain_text("Open Sidenote again from the chart.")
    assert [word for word in MARKS[SHELLFISH] if word in visit.page.frames[1].locator("body").inner_text()] == []
    expect(visit.sidebar.locator(".view, .banner, .steps")).to_have_count(0)


def test_a_server_that_is_down_is_told_as_such_with_nothing_half_shown_and_tried_again_when_it_is_up(visit: Visit) -> None:
    visit.ward.misbehave(down=True)
    visit.open(SHELLFISH, until="failed")
    expect(visit.sidebar.locator("main h1")).to_have_text("This review could not be made")
    expect(visit.state("failed")).to_contain_text("The server says that it is too busy.")
    expect(visit.sidebar.locator(".view, .banner, .steps")).to_have_count(0)
    visit.ward.misbehave()
    visit.sidebar.get_by_role("button", name="Try again").click()
    visit.state("review").wait_for()


@pytest.mark.fault(35)
def test_signed_out_left_and_reloaded_the_page_shows_nothing_of_the_patient(visit: Visit) -> None:
    visit.open(SHELLFISH)
    with visit.page.expect_popup() as opened:
        visit.page.get_by_role("button", name="Full page").click()
    whole = opened.value
    whole.locator("main[data-state=review]").wait_for()
    expect(whole.locator("main")).to_contain_text("Moreau")
    words = MARKS[SHELLFISH]

    def told() -> list[str]:
        return [word for word in words if word in whole.locator("html").inner_html()]

    assert told() == words
    whole.goto("about:blank")
    whole.go_back()
    whole.locator("main[data-state=start], main[data-state=ended]").wait_for()
    assert told() == []
    visit.require_over(visit.handles[1])  # whoever leaves the page ends its session

    visit.sidebar.get_by_role("button", name="Sign out").click()
    expect(visit.state("ended").locator("h1")).to_have_text("Signed out")
    assert [word for word in words if word in visit.page.frames[1].locator("html").inner_html()] == []
    visit.require_over(visit.handles[0])
    visit.page.frames[1].evaluate("location.reload()")
    expect(visit.state("start")).to_contain_text("Open Sidenote from the chart")
