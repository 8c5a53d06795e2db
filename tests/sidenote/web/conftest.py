"""The sidebar's modules in headless Chromium, before a scripted API (a test double that speaks the wire models and fails on order)."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import re
import secrets
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Dialog, Frame, Page, expect, sync_playwright
from playwright.sync_api import Route as Asking
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from fhir.codes import FINDING
from sandbox.patients.story import CLOCK
from sidenote.render.card_pictures import drawings
from sidenote.web.cards import picture_view
from sidenote.web.headers import ALWAYS, framed_by
from sidenote.web.wire.ask import AnswerView
from sidenote.web.wire.card import AttributeView, ModelCardView, PictureView, SectionView
from sidenote.web.wire.decide import DecidedAlready, DecisionAsked, DecisionView
from sidenote.web.wire.session import EhrChoice, LaunchAsked, LaunchBegun, Problem, SessionAsked, SessionOpened
from sidenote.web.wire.stream import EndedEvent, StepEvent
from tools.med_vlm.compact.card import Estimate, FindingMeasured

PATIENCE = 60_000
"""Milliseconds a condition may take on a loaded machine; nothing waits this long when all is well."""
STATIC = Path(__file__).parents[3] / "sidenote" / "web" / "static"
SAMPLE = Path(__file__).parent / "sample_review.json"
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
STEPS = ("bind", "chart", "study", "read", "retrieve", "gather", "draft", "ground", "guard", "present", "record")
EHR = EhrChoice(name="lindenhof", title="Lindenhof Hospital", iss="http://127.0.0.1:9/fhir")
PATTERN = (96, 96, struct.pack("<9216H", *(int(30_000 + 25_000 * math.sin(n % 96 / 9) * math.cos(n // 96 / 13)) for n in range(9216))))


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


def plotted() -> tuple[PictureView, ...]:
    """The pictures of a card whose findings were measured on a hundred images."""
    none = Estimate(value=None)
    unknown = dict.fromkeys(("sensitivity", "specificity", "side_accuracy", "pointing_chance"))
    figures = {"calibration_error": 0.02, "coverage": 0.95, "decided": 0.8, "localised": False}
    curves = {"reliability": ((0.05, 0.04, 90), (0.95, 0.9, 10)), "risk_coverage": ((0.5, 0.0), (1.0, 0.1))}
    keys = sorted(FINDING)[:4]
    found = [FindingMeasured(key=key, auroc=none, pointing=none, **unknown, **figures, **curves) for key in keys]
    return tuple(map(picture_view, drawings(found)))


@dataclass
class Scripted:
    """A sidebar's server on a script. Change its fields before the page asks; every field begins anew for each test."""

    root: str
    review: dict[str, Any] = field(default_factory=lambda: json.loads(SAMPLE.read_text("utf-8")))
    opened: dict[str, Any] = field(default_factory=lambda: opened().model_dump())
    cuts: list[int] = field(default_factory=list)
    """After how many events of the log a connection is dropped; one for each connection, then none is."""
    held_at: int | None = None
    """How many events of the log are told until `release()`."""
    answers: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    """(method, end of the path) -> (status, JSON) in place of the usual answer."""
    more: list[tuple[str, str]] = field(default_factory=list)
    """Events after the review."""
    images: dict[str, tuple[int, int, bytes]] = field(default_factory=dict)
    """Last part of the path -> rows, columns, pixels; a pattern stands for what is not in it."""
    pictures: tuple[PictureView, ...] = field(default_factory=plotted)
    """Of the model card."""
    prior_identity: str = "match"
    """What is said of an earlier image."""
    asked: list[Asked] = field(default_factory=list)
    decided: list[DecisionView] = field(default_factory=list)
    closing: bool = False

    @property
    def review_text(self) -> str:
        """The data of the `review` event, byte for byte."""
        return json.dumps(self.review, ensure_ascii=False, separators=(",", ":"))

    def log(self) -> list[tuple[str, str]]:
        """Every event of the review, in order."""
        banner = ("banner", json.dumps(self.review["patient"]))
        steps = [
            ("step", StepEvent(step=s, state=state, ms=12.5 if state == "done" else None).model_dump_json())
            for s in STEPS
            for state in ("start", "done")
        ]
        return [*steps[:2], banner, *steps[2:], ("review", self.review_text), *self.more]

    def release(self) -> None:
        """Tell what was held."""
        self.held_at = None

    def push(self, name: str, data: Any) -> None:
        """One more event, now."""
        self.more.append((name, data if isinstance(data, str) else json.dumps(data)))

    def end(self, reason: str = "another_launch", words: str = "Another patient was opened in the chart.") -> None:
        """The event after which nothing is to be shown."""
        self.push("ended", EndedEvent(reason=reason, words=words).model_dump_json())

    def sent(self, method: str, ending: str) -> list[Asked]:
        """Requests of `method` whose path ends so."""
        return [one for one in self.asked if one.method == method and one.path.endswith(ending)]


def opened() -> SessionOpened:
    """A session as it is opened."""
    return SessionOpened(
        handle=secrets.token_urlsafe(32), expires_in=900, ehr=EHR.title, user="Practitioner/amira", shows_banner=True, review_id="r1",
        off=(), style={}, messaging=None, may_decide=True, may_write=True, image_model=True, emergency=False,
    )  # fmt: skip


def problem(status: int, code: str, title: str, *, retryable: bool = False) -> Response:
    """An error as the app gives it."""
    made = Problem(type=f"https://sidenote.dev/problems/{code}", title=title, status=status, code=code, retryable=retryable)
    return Response(made.model_dump_json(), status, media_type="application/problem+json")


class Api:
    """The routes of the contract, told by the script of the hour."""

    def __init__(self) -> None:
        self.script = Scripted("")

    async def page(self, request: Request) -> Response:
        """The shell. A page one folder deeper finds the same files."""
        up = "../" if request.url.path.startswith("/callback/") else "./"
        return Response((STATIC / "index.html").read_text("utf-8").replace('"./static/', f'"{up}static/'), media_type="text/html")

    async def static(self, request: Request) -> Response:
        """One file."""
        path = STATIC / request.path_params["file"]
        return FileResponse(path, media_type=TYPES[path.suffix]) if path.is_file() else problem(404, "not_found", "Not found")

    async def api(self, request: Request) -> Response:
        """Everything else."""
        script = self.script
        body = await request.body()
        bearer = request.headers.get("authorization")
        if bearer not in (None, f"Bearer {script.opened['handle']}"):
            return problem(401, "session_over", "This session is over")  # a tab of an earlier test, on its way out
        script.asked.append(Asked(request.method, request.url.path, dict(request.headers), body))
        for (method, ending), (status, answer) in script.answers.items():
            if method == request.method and request.url.path.endswith(ending):
                kind = "application/json" if status < 400 else "application/problem+json"
                return Response(json.dumps(answer), status, media_type=kind) if answer is not None else Response(status_code=status)
        path = request.url.path.removeprefix("/api")
        free = path in ("/ehrs", "/launch") or (path, request.method) == ("/session", "POST")
        if not free and bearer is None:
            return problem(401, "session_over", "This session is over")
        for pattern, method, answer in ROUTES:
            if method == request.method and re.fullmatch(pattern, path):
                return await answer(self, request, body)
        return problem(404, "not_found", "Not found")

    async def ehrs(self, request: Request, body: bytes) -> Response:
        return JSONResponse([EHR.model_dump()])

    async def launch(self, request: Request, body: bytes) -> Response:
        LaunchAsked.model_validate_json(body)
        return JSONResponse(LaunchBegun(authorize_url=f"{self.script.root}callback/{EHR.name}?code=c0de&state=st4te").model_dump())

    async def session(self, request: Request, body: bytes) -> Response:
        SessionAsked.model_validate_json(body)
        return JSONResponse(SessionOpened.model_validate(self.script.opened).model_dump(), 201)

    async def nothing(self, request: Request, body: bytes) -> Response:
        return Response(status_code=204)

    async def started(self, request: Request, body: bytes) -> Response:
        return JSONResponse({"review_id": "r2"}, 202)

    async def view(self, request: Request, body: bytes) -> Response:
        return Response(self.script.review_text, media_type="application/json")

    async def events(self, request: Request, body: bytes) -> Response:
        after = int(request.headers.get("last-event-id") or 0)
        cut = self.script.cuts.pop(0) if self.script.cuts else None
        return StreamingResponse(self.told(self.script, after, cut), media_type="text/event-stream")

    async def told(self, script: Scripted, after: int, cut: int | None) -> AsyncIterator[str]:
        while not script.closing:
            held = script.held_at  # before the log, which is changed before it is released
            log = script.log()
            if cut is not None and after >= cut:
                yield 'event: step\ndata: {"step":'  # cut in the middle of an event
                return
            if after >= len(log) or (held is not None and after >= held):
                await asyncio.sleep(0.01)
                continue
            name, data = log[after]
            after += 1
            yield f"id: {after}\nevent: {name}\ndata: {data}\n\n"
            if name == "ended":
                return

    async def image(self, request: Request, body: bytes) -> Response:
        rows, columns, pixels = self.script.images.get(request.url.path.rsplit("/", 1)[1]) or PATTERN
        headers = {"Image-Rows": str(rows), "Image-Columns": str(columns), "Image-Identity": self.script.prior_identity}
        return Response(pixels, media_type="application/octet-stream", headers=headers)

    async def ask(self, request: Request, body: bytes) -> Response:
        review = self.script.review
        return JSONResponse(AnswerView.model_validate({
            "question": json.loads(body)["text"], "outcome": "answered", "words": "From the evidence of this review alone.",
            "cards": [{**review["consider"][0], "claim": "C90", "decidable": False}], "withheld": review["withheld"][:1],
            "evidence": review["evidence"][:2],
        }).model_dump())  # fmt: skip

    async def decisions(self, request: Request, body: bytes) -> Response:
        return JSONResponse([one.model_dump() for one in self.script.decided])

    async def decide(self, request: Request, body: bytes) -> Response:
        asked = DecisionAsked.model_validate_json(body)
        first = next((one for one in self.script.decided if one.claim == asked.claim), None)
        if first is not None and first.write == "failed":
            self.script.decided = [decision(asked.claim, asked.action, first.text)]
            return JSONResponse(self.script.decided[0].model_dump(), 201)
        if first is not None:
            told = DecidedAlready(type="about:blank", title="Decided already", detail="", first=first)
            return Response(told.model_dump_json(), 409, media_type="application/problem+json")
        made = decision(asked.claim, asked.action, asked.text or "", asked.reason or "")
        self.script.decided.append(made)
        return JSONResponse(made.model_dump(), 201)

    async def card(self, request: Request, body: bytes) -> Response:
        listed = tuple(AttributeView(name=f"Attribute {n}", value="not available") for n in range(1, 4))
        sections = (SectionView(title="Details", attributes=listed),)
        made = ModelCardView(model="compact 0.3", summary="A demonstrator.", sections=sections, pictures=self.script.pictures)
        return JSONResponse(made.model_dump())


Answer = Callable[[Api, Request, bytes], Awaitable[Response]]
ROUTES: tuple[tuple[str, str, Answer], ...] = (
    (r"/ehrs", "GET", Api.ehrs),
    (r"/launch", "POST", Api.launch),
    (r"/session", "POST", Api.session),
    (r"/session", "DELETE", Api.nothing),
    (r"/reviews", "POST", Api.started),
    (r"/reviews/[\w-]+", "GET", Api.view),
    (r"/reviews/[\w-]+", "DELETE", Api.nothing),
    (r"/reviews/[\w-]+/events", "GET", Api.events),
    (r"/reviews/[\w-]+/images/\w+", "GET", Api.image),
    (r"/reviews/[\w-]+/priors/\d+", "GET", Api.image),
    (r"/reviews/[\w-]+/questions", "POST", Api.ask),
    (r"/reviews/[\w-]+/decisions", "GET", Api.decisions),
    (r"/reviews/[\w-]+/decisions", "POST", Api.decide),
    (r"/model-card", "GET", Api.card),
)


def decision(claim: str, action: Any = "approve", text: str = "", reason: str = "", **fields: Any) -> DecisionView:
    """A decision that stands."""
    written = () if action == "reject" else ("Communication/17",)
    write, words = ("off", "Nothing is written.") if action == "reject" else ("written", "Written to the chart as a draft.")
    made = {"claim": claim, "action": action, "text": text, "reason": reason, "by": "Dr Amira Haddad", "at": "2026-11-20T09:02:00Z",
            "write": write, "write_words": words, "written": written}  # fmt: skip
    return DecisionView.model_validate({**made, **fields})


@contextmanager
def _serving(api: Api) -> Iterator[str]:
    async def page(request: Request) -> Response:
        return await api.page(request)

    async def static(request: Request) -> Response:
        return await api.static(request)

    async def rest(request: Request) -> Response:
        return await api.api(request)

    shells = [Route(path, page) for path in ("/", "/launch", "/standalone", "/callback/{ehr}")]
    every = ["GET", "POST", "DELETE"]
    app = Starlette(routes=[*shells, Route("/static/{file}", static), Route("/api/{rest:path}", rest, methods=every)])
    with _served(_guarded(app)) as root:
        yield root
        api.script.closing = True


@contextmanager
def _served(app: Any) -> Iterator[str]:
    """`app` on a free port of loopback; its root."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # whoever comes before the server has begun waits
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, log_level="critical", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        server.should_exit = True
        thread.join(60)


def _guarded(app: Any) -> Any:
    """`app` with the headers that the product's answers have."""
    headers = {**ALWAYS, **framed_by(["http://127.0.0.1:*"])}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    kept, fresh = (b"cache-control", b"max-age=600"), (b"cache-control", b"no-store")

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = kept if scope["path"].startswith("/static/") else fresh
                message = {**message, "headers": [*message["headers"], *raw, own]}
            await send(message)

        await app(scope, receive, sending)

    return guarded


@pytest.fixture(scope="session")
def chart_page() -> Iterator[str]:
    """The address of a chart page of another origin, with a frame whose `src` is empty."""
    shell = "<!doctype html><title>Chart</title><iframe width=400 height=900></iframe>"

    async def chart(request: Request) -> Response:
        return Response(shell, media_type="text/html")

    with _served(Starlette(routes=[Route("/", chart)])) as root:
        yield root


@pytest.fixture(scope="session")
def _scripted_api() -> Iterator[tuple[Api, str]]:
    api = Api()
    with _serving(api) as root:
        yield api, root


@pytest.fixture
def scripted_sidebar(_scripted_api: tuple[Api, str]) -> Iterator[Scripted]:
    """The server of the sidebar on a script of its own for this test."""
    api, root = _scripted_api
    api.script = Scripted(root)
    yield api.script
    api.script.closing = True


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a module: a session's would keep an event loop running under tests that start their own."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        # one renderer: it costs as much to start as a page costs to load
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--renderer-process-limit=1"])
        yield browser
        browser.close()


@dataclass
class Held:
    """The first request of a kind: it waits in the browser until the test answers it or lets it go."""

    page: Page
    method: str
    routes: list[Asking] = field(default_factory=list)

    def hear(self, route: Asking) -> None:
        """Keep the first."""
        if route.request.method == self.method and not self.routes:
            self.routes.append(route)
        else:
            route.fallback()

    @property
    def route(self) -> Asking:
        """It, once it has come."""
        deadline = time.monotonic() + PATIENCE / 1000
        while not self.routes and time.monotonic() < deadline:
            self.page.wait_for_timeout(10)
        return self.routes[0]

    def go(self) -> None:
        """Let it go to the server."""
        self.route.continue_()

    def answer(self, answer: Any, status: int = 200) -> None:
        """Answer it in the server's place."""
        self.route.fulfill(status=status, json=answer)


@dataclass
class Sheet:
    """A page, with what went wrong on it."""

    page: Page
    script: Scripted
    wrong: list[str]

    def refuse(self, dialog: Dialog) -> None:
        """No part of the page opens one."""
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def hold(self, method: str, ending: str) -> Held:
        """Hold the first request of `method` whose path ends so."""
        held = Held(self.page, method)
        self.page.route(f"**{ending}", held.hear)
        return held

    def framed(self, chart: str) -> Frame:
        """The page framed by the chart page of another origin, launched."""
        self.page.goto(chart)
        self.page.evaluate("(url) => { document.querySelector('iframe').src = url }", self.launch)
        self.page.frame_locator("iframe").locator("main[data-state]:not([data-state=start])").wait_for()
        return self.page.frames[1]

    def heard(self, method: str, ending: str, count: int = 1) -> list[Asked]:
        """Exactly `count` requests of `method` whose path ends so; waited for, since a page that leaves sends its last one in its time."""
        deadline = time.monotonic() + PATIENCE / 1000
        while len(self.script.sent(method, ending)) < count and time.monotonic() < deadline:
            self.page.wait_for_timeout(50)
        found = self.script.sent(method, ending)
        assert len(found) == count
        return found

    @property
    def launch(self) -> str:
        """The address that an EHR opens."""
        return f"{self.script.root}launch?iss={EHR.iss}&launch=l4unch"

    def begin(self, *, wait: bool = True) -> Page:
        """Launch, and wait until the review stands there and the page has read what was decided on it before."""
        self.page.goto(self.launch)
        if wait:
            self.page.wait_for_selector("main[data-state=review]:not(:has([aria-busy=true]))")
        return self.page


@pytest.fixture(scope="module")
def _context(chromium: Browser, _scripted_api: tuple[Api, str]) -> BrowserContext:
    """One for a module, so that the files of the page come from its cache after the first test.

    Its first tab shows a file of our origin to the end, so that the renderer of the page lives on between two tests.
    """
    context = chromium.new_context(viewport={"width": 400, "height": 900}, reduced_motion="reduce")
    context.new_page().goto(f"{_scripted_api[1]}static/dom.js")
    return context


@pytest.fixture(scope="module")
def modules(_context: BrowserContext) -> Page:
    """A page of our origin without a review and without the shell, for functions that need none."""
    return _context.pages[0]


@pytest.fixture
def sheet(_context: BrowserContext, scripted_sidebar: Scripted) -> Iterator[Sheet]:
    """A tab of 400 x 900. A script error, a dialog or a blocked load fails the test."""
    page = _context.new_page()
    page.set_default_timeout(PATIENCE)
    made = Sheet(page, scripted_sidebar, [])
    page.on("pageerror", lambda error: made.wrong.append(f"error: {error}"))
    page.on("dialog", made.refuse)
    page.on("console", lambda message: made.wrong.append(message.text) if _is_fault(message.text, message.type) else None)
    yield made
    for tab in _context.pages[1:]:
        tab.close()
    assert made.wrong == []


def _is_fault(text: str, kind: str) -> bool:
    """What the console says of a fault of ours. That a server answered 4xx is the script's doing."""
    return kind == "error" and "Failed to load resource: the server responded" not in text and "net::ERR" not in text


@pytest.fixture(scope="session")
def pictured(hospital: Path) -> list[dict[str, Any]]:
    """The pretend hospital as a server holds it: every chart, and its image files as Binary resources."""
    found: list[dict[str, Any]] = []
    for path in sorted(hospital.glob("*.json")):
        text = path.read_text("utf-8").replace('"images/', '"Binary/').replace('.dcm"', '"')
        found += [entry["resource"] for entry in json.loads(text)["entry"]]
    for path in sorted((hospital / "images").glob("*.dcm")):
        data = base64.b64encode(path.read_bytes()).decode()
        found.append({"resourceType": "Binary", "id": path.stem, "contentType": "application/dicom", "data": data})
    return found


@pytest.fixture(scope="session")
def _pictured_door(
    open_door: Callable[..., Any], pictured: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """A door at the pretend hospital, images and all, on the hospital's day. No image model is on."""
    with open_door(tmp_path_factory.mktemp("door"), stores={"lindenhof": pictured}, now=lambda: CLOCK) as door:
        yield door


@pytest.fixture(scope="module")
def pictured_door(_pictured_door: Any) -> Iterator[Any]:
    """`_pictured_door`, quiet when a module leaves it: the next one may count who connects to whom."""
    yield _pictured_door
    _pictured_door.settle()
