"""One launch and one review over HTTP, in the steps a browser takes from the chart page, and how long each took."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from sandbox.chart.guard import CSRF_HEADER
from sidenote.demo_server import EHR_NAME, MOUNT
from sidenote.errors import DemoBroken

if TYPE_CHECKING:
    import httpx

_CSRF = re.compile(r'name="csrf-token" content="([^"]+)"')
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Journey:
    """How a launch went. Seconds from the chart's launch on."""

    patient: str
    status: str
    """How the review ended."""
    session: float
    """Until the session was open."""
    first_content: float
    """Until the first event of the review."""
    finished: float
    """Until the whole review was there."""


async def journey(origin: str, patient: str) -> Journey:
    """Sign in, open a chart, launch, and wait for the review.

    Raises:
        DemoBroken: an answer was not what the next step needs.
    """
    import httpx

    async with httpx.AsyncClient(base_url=origin, timeout=_PATIENCE, headers={"Sec-Fetch-Site": "same-origin"}) as browser:
        launch_url = await minted(browser, patient)
        begun = time.perf_counter()
        opened = await begun_session(browser, launch_url)
        session = time.perf_counter() - begun
        first, review = await _review(browser, opened, begun)
        return Journey(patient, str(review["status"]), session, first, time.perf_counter() - begun)


async def minted(browser: httpx.AsyncClient, patient: str) -> str:
    """The launch URL that the chart's page would open."""
    users = re.findall(r'name="user" value="([^"]+)"', _ok(await browser.get("/"), "the entrance").text)
    await browser.post("/chart/_/sign-in", data={"user": next(iter(users), "")})
    page = _ok(await browser.get(f"/chart/{patient}"), "the chart").text
    token = _CSRF.search(page)
    if token is None:
        raise DemoBroken("the chart page carries no token")
    minted = await browser.post(f"/chart/{patient}/launch", json={}, headers={CSRF_HEADER: token[1]})
    return str(_ok(minted, "the launch").json()["url"])


async def begun_session(browser: httpx.AsyncClient, launch_url: str) -> dict[str, Any]:
    """The session, as the sidebar's script begins one."""
    _ok(await browser.get(launch_url), "the sidebar's page")
    asked, window = parse_qs(urlsplit(launch_url).query), secrets.token_urlsafe(24)
    begun = await browser.post(f"{MOUNT}/api/launch", json={"iss": asked["iss"][0], "launch": asked["launch"][0], "window": window})
    sent_back = await browser.get(_ok(begun, "the beginning of the launch").json()["authorize_url"])
    query = urlsplit(sent_back.headers.get("location", "")).query
    opened = await browser.post(f"{MOUNT}/api/session", json={"ehr": EHR_NAME, "query": query, "window": window})
    answer: dict[str, Any] = _ok(opened, "the session").json()
    return answer


async def _review(browser: httpx.AsyncClient, opened: dict[str, Any], begun: float) -> tuple[float, dict[str, Any]]:
    """Seconds until the first event, and the review."""
    bearer = {"Authorization": f"Bearer {opened['handle']}"}
    place = f"{MOUNT}/api/reviews/{opened['review_id']}"
    first = 0.0
    async with browser.stream("GET", f"{place}/events", headers=bearer) as stream:
        async for line in stream.aiter_lines():
            first = first or time.perf_counter() - begun
            if line in ("event: review", "event: failed", "event: ended"):
                break
    review: dict[str, Any] = _ok(await browser.get(place, headers=bearer), "the review").json()
    return first, review


def _ok(answer: httpx.Response, what: str) -> httpx.Response:
    if answer.status_code not in (200, 201):
        raise DemoBroken(f"{what} was answered with {answer.status_code}")
    return answer
