"""The pretend hospital and a small case library, written once for all workers of a test run."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from filelock import FileLock

from agent.graph import Finished
from sidenote.cli import main

if TYPE_CHECKING:
    import httpx

SMALL_LIBRARY = 60


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """`folder`, made by whoever comes first."""
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            fresh = folder.with_name(f"{folder.name}.fresh")
            make(fresh)
            fresh.replace(folder)
    return folder


@pytest.fixture(scope="session")
def hospital(shared: Path) -> Path:
    """The pretend hospital's files."""
    from sandbox.patients.hospital import write_hospital

    return once(shared / "hospital", write_hospital)


@pytest.fixture(scope="session")
def home(shared: Path) -> Path:
    """A home with a small phantom library."""
    from sidenote.commands.index.building import build_phantom_library
    from sidenote.settings import Settings

    return once(shared / "home", lambda folder: build_phantom_library(Settings(home=folder), SMALL_LIBRARY))


@pytest.fixture(scope="session")
def review_all(home: Path) -> Callable[[str], dict[str, Finished]]:
    """Reviews every story of the pretend hospital, from a source that has it."""
    from agent.graph import run_review
    from agent.request import ReviewRequest
    from sandbox.patients.hospital import stories
    from sandbox.patients.story import CLOCK
    from sidenote.settings import Settings
    from sidenote.wiring import wired

    async def review(source: str) -> dict[str, Finished]:
        async with wired(Settings(home=home), (source,)) as parts:
            return {story.person.id: await run_review(ReviewRequest(story.person.id, CLOCK), parts) for story in stories()}

    return lambda source: asyncio.run(review(source))


@pytest.fixture(scope="session")
def reviews(hospital: Path, review_all: Callable[[str], dict[str, Finished]]) -> dict[str, Finished]:
    """Every story, reviewed from the hospital's files."""
    return review_all(str(hospital))


@pytest.fixture(scope="module")
def decoders_asked_once() -> Iterator[None]:
    """What can be decoded here is asked of a fresh child once for a module whose tests call the doctor again and again."""
    from fhir import pixels

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pixels, "decodable", cache(pixels.decodable))
        yield


@dataclass(frozen=True)
class Ended:
    """How one call of the command line ended."""

    code: int
    out: str
    err: str

    @property
    def problem(self) -> dict[str, object]:
        """The one problem document on stderr; anything beside it there is a failure."""
        (line,) = self.err.splitlines()
        document: dict[str, object] = json.loads(line)
        return document

    def refused(self, code: str, case_id: str | None, *private: str) -> dict[str, object]:
        """Assert a refusal: exit code 3, nothing on stdout, one problem document, and none of the `private` words in it."""
        assert self.code == 3, (self.code, self.out[-500:], self.err[-2000:])
        assert self.out == ""
        document = self.problem
        assert (document["code"], document["case_id"]) == (code, case_id), document
        assert [word for word in private if word.lower() in self.err.lower()] == []
        return document


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Ended]:
    """Call the command line in this process as the console script does, with an empty home. Keywords set `SIDENOTE_*` variables."""
    monkeypatch.setenv("SIDENOTE_HOME", str(tmp_path / "home"))

    def call(*arguments: object, **variables: object) -> Ended:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["sidenote", *map(str, arguments)])
            for name, value in variables.items():
                patch.setenv(f"SIDENOTE_{name.upper()}", str(value))
            capfd.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        captured = capfd.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return call


@dataclass(frozen=True)
class Door:
    """The web door on loopback, and the pretend hospitals that launch it. `parts` live on the server's own event loop."""

    url: str
    hospitals: dict[str, Any]
    parts: Any
    loop: asyncio.AbstractEventLoop

    def on_loop(self, act: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Await something on the server's event loop. A minute, since looking at all that is remembered takes long on a busy machine."""
        return asyncio.run_coroutine_threadsafe(act(), self.loop).result(60)

    def settle(self) -> None:
        """Wait until no session does anything of its own: no review is under way, no claim is put to wait, nothing left is written."""

        async def done() -> None:
            for session in tuple(self.parts.sessions._by_handle.values()):
                tasks = [run.task for run in session.runs.values() if run.task is not None]
                await asyncio.gather(*tasks, *session.chores, return_exceptions=True)

        self.on_loop(done)

    def client(self) -> httpx.Client:
        """A client of the door; it follows no redirect."""
        import httpx

        return httpx.Client(base_url=self.url, trust_env=False, timeout=60)

    def query(self, *, ehr: str = "lindenhof", window: str = "w" * 43, patient: str, **context: Any) -> str:
        """Begin an EHR launch and go through the hospital's authorization: the query of the callback."""
        import httpx

        hospital = self.hospitals[ehr]
        launch = hospital.auth.mint_launch(patient=patient, **context)
        with self.client() as client:
            begun = client.post("/api/launch", json={"iss": hospital.base, "launch": launch, "window": window})
            assert begun.status_code == 200, begun.text
        answer = httpx.get(begun.json()["authorize_url"], trust_env=False, timeout=60)
        assert answer.status_code == 302, answer.text
        return urlsplit(answer.headers["location"]).query

    def session(self, *, ehr: str = "lindenhof", window: str = "w" * 43, patient: str, **context: Any) -> dict[str, Any]:
        """Launch for a patient: the body of POST /api/session."""
        query = self.query(ehr=ehr, window=window, patient=patient, **context)
        with self.client() as client:
            opened = client.post("/api/session", json={"ehr": ehr, "query": query, "window": window})
        assert opened.status_code == 201, opened.text
        body: dict[str, Any] = opened.json()
        return body


@pytest.fixture(scope="session")
def open_door() -> Callable[..., AbstractContextManager[Door]]:
    """Open a door for a block: one pretend hospital for each name, each with the patients of `stores[name]`, or all stories.

    Keywords: `scopes` of our registration (what we ask for and may be granted), `ehr` (further keys of each `[[ehr]]`),
    `now` and `clock` as `sidenote.web.serving.web_parts`, `hospital` (keys of `sandbox.ehr.config.Config`), `settings` (further
    settings), `granted` (scopes that the hospital grants at most), `running` (in the place of `sandbox.ehr.serve.running`).
    """
    return _open_door


@contextmanager
def _open_door(home: Path, *names: str, scopes: str | None = None, **options: Any) -> Iterator[Door]:
    from sandbox.ehr.auth.clients import Client
    from sandbox.ehr.config import Config
    from sandbox.ehr.serve import running
    from sidenote.ehrs import READ_SCOPES, Ehr
    from sidenote.settings import Settings
    from sidenote.web.listening import bound

    wanted = scopes or f"{READ_SCOPES} launch/patient"
    listener = bound("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with ExitStack() as stack:
        hospitals, ehrs = {}, []
        for name in names or ("lindenhof",):
            client = Client("sidenote", "public", options.get("granted", wanted), (f"{url}/callback/{name}",))
            config = Config(clients=(client,), requires_token=True, **options.get("hospital", {}))
            store = _store(options.get("stores", {}).get(name))
            hospitals[name] = stack.enter_context(options.get("running", running)(store, config))
            about = {"title": f"{name.title()} Hospital", "scopes": wanted, **options.get("ehr", {})}
            ehrs.append(Ehr(name=name, iss=hospitals[name].base, client_id="sidenote", **about))
        settings = Settings(home=home, ehr=tuple(ehrs), public_url=url, **options.get("settings", {}))
        clocks = {name: options[name] for name in ("now", "clock") if name in options}
        parts, loop = stack.enter_context(_serving(settings, listener, clocks))
        yield Door(url, hospitals, parts, loop)


def _store(resources: list[dict[str, Any]] | None) -> Any:
    from sandbox.ehr.store import Store
    from sandbox.patients.hospital import stories

    return Store([one for story in stories() for one in story.resources] if resources is None else resources)


@contextmanager
def _serving(settings: Any, listener: socket.socket, clocks: dict[str, Any]) -> Iterator[tuple[Any, asyncio.AbstractEventLoop]]:
    from sidenote.web.app import create_app
    from sidenote.web.listening import Listening
    from sidenote.web.serving import web_parts

    async def serve(ready: Future[tuple[Any, Any]]) -> None:
        async with web_parts(settings, **clocks) as parts:
            server = Listening(create_app(parts), parts.sessions.aclose)
            ready.set_result(((parts, asyncio.get_running_loop()), server))
            await server.serve(sockets=[listener])

    with closing(listener), in_a_thread(serve) as served:
        yield served


@contextmanager
def in_a_thread(serve: Callable[[Future[tuple[Any, Any]]], Coroutine[Any, Any, None]]) -> Iterator[Any]:
    """Run `serve` on a loop in a thread of its own: it makes ready (what is yielded here, the server to stop at the end)."""
    ready: Future[tuple[Any, Any]] = Future()

    def run() -> None:
        try:
            asyncio.run(serve(ready))
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    made, server = ready.result(60)
    try:
        yield made
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def serve_in_a_thread() -> Callable[..., Any]:
    """`in_a_thread`, for test modules, which cannot import from here."""
    return in_a_thread
