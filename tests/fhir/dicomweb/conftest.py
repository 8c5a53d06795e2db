"""A real DICOMweb server: Orthanc with its plugin, from Debian packages, on loopback, loaded with phantoms; and scripted ones."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NoReturn, TypeVar

import pytest

from bench.orthanc import Orthanc, installed, running
from fhir.dicomweb.client import DicomwebClient
from fhir.wire.origins import origins
from fhir.wire.patience import Limits
from fhir.wire.wire import Wire
from sandbox.patients.hospital import image_file, stories
from sandbox.patients.story import Story

T = TypeVar("T")


@pytest.fixture(scope="session")
def told() -> dict[str, Story]:
    """Some stories of the pretend hospital by their patient."""
    return {story.person.id: story for story in stories() if story.person.id in ("heart-failure", "wrong-patient")}


@pytest.fixture(scope="session")
def files(told: dict[str, Story]) -> dict[str, bytes]:
    """The DICOM files of those stories by their StudyInstanceUID."""
    return {image.study_uid: image_file(image) for story in told.values() for image in story.images}


@pytest.fixture(scope="session")
def orthanc(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, missing: Callable[[str], NoReturn]
) -> Iterator[Orthanc]:
    if not installed():
        missing("Orthanc is not here: Debian packages orthanc and orthanc-dicomweb (scripts/packages)")
    with running(tmp_path_factory.mktemp("orthanc")) as server:
        for file in request.getfixturevalue("files").values():
            server.store(file)
        yield server


Use = Callable[[Callable[[DicomwebClient], Awaitable[Any]]], Any]


def asking(base: str) -> Callable[[Callable[[DicomwebClient], Awaitable[T]]], T]:
    """Runs what is to be done with a client of the server at `base`."""

    def use(what: Callable[[DicomwebClient], Awaitable[T]]) -> T:
        async def run() -> T:
            wire = Wire(origins(base), limits=Limits(attempts=1, silence=20))
            try:
                return await what(DicomwebClient(wire, base))
            finally:
                await wire.aclose()

        return asyncio.run(run())

    return use


@pytest.fixture
def ask(orthanc: Orthanc) -> Use:
    return asking(orthanc.base)


@dataclass
class Scripted:
    """A server that answers what a test says. `asked` holds (path with query, headers) of every question."""

    base: str
    asked: list[tuple[str, dict[str, str]]]
    answer: Callable[[str, dict[str, str]], tuple[int, dict[str, str], bytes]]

    def use(self, what: Callable[[DicomwebClient], Awaitable[T]]) -> T:
        return asking(self.base)(what)


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.asked.append((self.path, headers))
            status, sent, body = server.answer(self.path, headers)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **sent}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Scripted(f"http://127.0.0.1:{http.server_port}/dicom-web", [], lambda *_: (404, {}, b""))
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    http.shutdown()
    http.server_close()
    thread.join()
