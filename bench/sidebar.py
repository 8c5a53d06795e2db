"""What the sidebar takes: from a launch to the first useful content and to the finished review, and of the server for each request."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from bench.children import ENVIRONMENT, ROOT
from bench.rows import Figure, Goal, Row
from bench.setting import Setting
from fhir.types import PULLED_TYPES
from sidenote.demo_check import Journey, begun_session, journey, minted
from sidenote.demo_server import CLIENT_ID, EHR_NAME, MOUNT, SCOPES

if TYPE_CHECKING:
    import httpx

SIDEBARS = 50
REQUESTS = 200
STATIC = ROOT / "sidenote" / "web" / "static"
WEIGHT = Goal("page", "all scripts and styles of the sidebar are under 60 kB", 60.0, of="figure")


def sidebar(setting: Setting) -> tuple[Row, ...]:
    """The sidebar, beside a bare SMART app.

    Wall time. One process serves the pretend hospital, its chart page and Sidenote (`sidenote demo`), another plays the browser. A
    launch is counted from the chart page's launch URL on. The bare app is 60 lines of httpx: the same launch as a public client with
    PKCE, then one search a type, one after the other, and no review. The first useful content of a review is its banner: the patient
    is known and the chart is here. A request fetches a finished review as the page does, with its handle; the peer is a Starlette
    route without any check that answers the same bytes. 50 sidebars at once are 50 launches of different tabs in the same second.
    """
    with serving(setting.scratch / "sidebar") as (origin, pid):
        patients = [story.person.id for story in setting.stories]
        rounds = setting.rounds(10)
        ours, bare = asyncio.run(_in_turns(origin, patients, rounds))
        requests, peers = asyncio.run(_requests(origin, patients[0], setting.rounds(10)))
        before = resident(pid)
        many = asyncio.run(_many(origin, patients, 10 if setting.quick else SIDEBARS))
        after = resident(pid)
    first = Figure(tuple(one.first_content * 1000 for one in ours), "ms")
    whole = Figure(tuple(one.finished * 1000 for one in ours), "ms")
    reads = Figure(tuple(one * 1000 for one in bare), "ms")
    peer = "a bare SMART app: launch, and the same types read serially"
    lying, sent = page_weight(STATIC)
    crowd = f"{len(many)} sidebars at once"
    return (
        Row("launch to the first useful content", first, peer, reads),
        Row("launch to the finished review", whole, peer, reads),
        Row("one request for a finished review", requests, "a bare Starlette route with the same bytes", peers),
        Row(f"{crowd}: launch to the finished review, 95th percentile", Figure((_p95([one.finished for one in many]),), "ms")),
        Row(f"{crowd}: launch to the first useful content, 95th percentile", Figure((_p95([one.first_content for one in many]),), "ms")),
        Row(f"{crowd}: memory of the server at its most, beyond what it had", Figure(((after - before) / len(many),), "MB a sidebar")),
        Row("scripts and styles of the sidebar, as they are sent", Figure((sent,), "kB"), goal=WEIGHT),
        Row("scripts and styles of the sidebar, unpacked", Figure((lying,), "kB"), goal=WEIGHT),
    )


def page_weight(folder: Path) -> tuple[float, float]:
    """All scripts and styles in kB: as they lie there, and as they are sent."""
    contents = [path.read_bytes() for path in folder.iterdir() if path.suffix in (".js", ".css")]
    return sum(map(len, contents)) / 1000, sum(len(gzip.compress(one)) for one in contents) / 1000


def resident(pid: int) -> float:
    """MB that a process held at its most so far."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1000 if found else 0.0


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, int]]:
    """Origin and process id of a demo in a process of its own, which ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "sidenote", "demo", "--out", str(folder), "--port", str(port), "--cases", "300"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT, env=ENVIRONMENT) as process:
        try:
            origin = f"http://127.0.0.1:{port}"
            asyncio.run(_ready(origin, process))
            yield origin, process.pid
        finally:
            process.terminate()


async def _ready(origin: str, process: subprocess.Popen[bytes]) -> None:
    import httpx

    async with httpx.AsyncClient() as client:
        for _ in range(1200):
            try:
                if (await client.get(f"{origin}{MOUNT}/health")).status_code == 200:
                    return
            except httpx.HTTPError:
                if process.poll() is not None:
                    break
            await asyncio.sleep(0.25)
    raise RuntimeError("the demo did not start")


async def _in_turns(origin: str, patients: list[str], rounds: int) -> tuple[list[Journey], list[float]]:
    ours, bare = [], []
    for number in range(rounds + 1):
        patient = patients[number % len(patients)]
        one, other = await journey(origin, patient), await bare_app(origin, patient)
        if number:
            ours.append(one)
            bare.append(other)
    return ours, bare


async def bare_app(origin: str, patient: str) -> float:
    """Seconds of the same launch and the same reads by an app that does nothing else."""
    import httpx

    async with httpx.AsyncClient(base_url=origin, headers={"Sec-Fetch-Site": "same-origin"}) as browser:
        asked = parse_qs(urlsplit(await minted(browser, patient)).query)
        began = time.perf_counter()
        token, whose = await _exchanged(browser, origin, asked["iss"][0], asked["launch"][0])
        await _read(browser, asked["iss"][0], token, whose)
        return time.perf_counter() - began


async def _exchanged(browser: httpx.AsyncClient, origin: str, iss: str, launch: str) -> tuple[str, str]:
    endpoints = (await browser.get(f"{iss}/.well-known/smart-configuration")).json()
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    back = f"{origin}{MOUNT}/callback/{EHR_NAME}"
    query = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": back,
        "scope": SCOPES,
        "state": secrets.token_urlsafe(24),
        "aud": iss,
        "launch": launch,
        "nonce": secrets.token_urlsafe(24),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    sent = await browser.get(endpoints["authorization_endpoint"], params=query)
    code = parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier, "client_id": CLIENT_ID}
    answer = (await browser.post(endpoints["token_endpoint"], data=form)).json()
    return answer["access_token"], answer["patient"]


async def _read(browser: httpx.AsyncClient, iss: str, token: str, patient: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/fhir+json"}
    (await browser.get(f"{iss}/Patient/{patient}", headers=headers)).raise_for_status()
    for name in PULLED_TYPES:
        page = (await browser.get(f"{iss}/{name}", params={"patient": patient, "_count": "500"}, headers=headers)).json()
        while links := [link["url"] for link in page.get("link", ()) if link["relation"] == "next"]:
            page = (await browser.get(links[0], headers=headers)).json()


async def _requests(origin: str, patient: str, rounds: int) -> tuple[Figure, Figure]:
    import httpx

    async with httpx.AsyncClient(base_url=origin, headers={"Sec-Fetch-Site": "same-origin"}) as browser:
        opened = await begun_session(browser, await minted(browser, patient))
        bearer = {"Authorization": f"Bearer {opened['handle']}"}
        place = f"{MOUNT}/api/reviews/{opened['review_id']}"
        while (answer := await browser.get(place, headers=bearer)).status_code != 200:
            await asyncio.sleep(0.1)
        with bare_route(answer.content) as url:
            ours, peers = [], []
            for number in range(rounds + 1):
                mine, other = await _each(browser, place, bearer), await _each(browser, url, {})
                if number:
                    ours.append(mine)
                    peers.append(other)
    return Figure(tuple(ours), "ms"), Figure(tuple(peers), "ms")


async def _each(browser: httpx.AsyncClient, url: str, headers: dict[str, str]) -> float:
    """Milliseconds a request, of 200 in a row."""
    began = time.perf_counter()
    for _ in range(REQUESTS):
        (await browser.get(url, headers=headers)).raise_for_status()
    return (time.perf_counter() - began) * 1000 / REQUESTS


@contextmanager
def bare_route(body: bytes) -> Iterator[str]:
    """The URL of a Starlette route in a process of its own that answers `body`."""
    code = "import sys; from bench.sidebar import serve_bare; serve_bare(sys.stdin.buffer.read())"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=ENVIRONMENT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(body)
            process.stdin.close()
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
        finally:
            process.terminate()


def serve_bare(body: bytes) -> None:
    """Serve until the process ends; the port is printed."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def answer(request: Request) -> Response:
        return Response(body, media_type="application/json")

    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        app = Starlette(routes=[Route("/", answer)])
        uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, log_level="critical", lifespan="off")).run([listener])


async def _many(origin: str, patients: list[str], count: int) -> list[Journey]:
    return list(await asyncio.gather(*(journey(origin, patients[number % len(patients)]) for number in range(count))))


def _p95(seconds: list[float]) -> float:
    return quantiles(seconds, n=20)[-1] * 1000
