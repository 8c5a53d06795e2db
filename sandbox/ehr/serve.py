"""Runs a pretend hospital, or any ASGI application, on a free port of loopback while a `with` block lasts."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from sandbox.ehr.app import app_of, hospital_app
from sandbox.ehr.auth.server import AuthorizationServer
from sandbox.ehr.config import Config
from sandbox.ehr.faults import Faults
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.store import Store

__all__ = ["Running", "hospital_app", "running", "serving"]

_PATIENCE = 10.0
"""Seconds in which a server has to start or stop; past them something is broken."""


@dataclass(frozen=True, slots=True)
class Running:
    """A hospital that answers on loopback."""

    hospital: Hospital
    origin: str

    @property
    def base(self) -> str:
        """Its FHIR base URL, without a trailing slash."""
        return self.hospital.base

    @property
    def store(self) -> Store:
        """What it knows."""
        return self.hospital.store

    @property
    def auth(self) -> AuthorizationServer:
        """Its authorization server: `auth.mint_launch(...)`, `auth.now`, `auth.tokens`, `auth.keys`, `auth.standalone`, `auth.decide`."""
        return self.hospital.auth

    @property
    def faults(self) -> Faults:
        """How it misbehaves, and what it was asked."""
        return self.hospital.faults


@contextmanager
def running(what: Hospital | Starlette | Store, config: Config | None = None) -> Iterator[Running]:
    """Serve a hospital, an application of `hospital_app`, or a store (with `config`) until the block ends.

    Raises:
        RuntimeError: the server did not start or stop.
    """
    app = hospital_app(what, config) if isinstance(what, Store) else app_of(what) if isinstance(what, Hospital) else what
    hospital: Hospital = app.state.hospital
    with serving(app, hospital) as origin:
        yield Running(hospital, origin)


@contextmanager
def serving(app: ASGIApp, hospital: Hospital | None = None) -> Iterator[str]:
    """Serve any ASGI application on a free port of 127.0.0.1; gives its origin, which `hospital` is told before the first request.

    Raises:
        RuntimeError: the server did not start or stop.
    """
    # asyncio turns Nagle's delay (40 ms an answer) off only on sockets that name their protocol
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        if hospital is not None:
            hospital.move_to(origin)
        settings = uvicorn.Config(app, log_config=None, access_log=False, log_level="critical", lifespan="off", ws="none", loop="asyncio")
        server = uvicorn.Server(settings)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            _wait_for(server, thread)
            yield origin
        finally:
            server.should_exit = server.force_exit = True
            thread.join(_PATIENCE)
        if thread.is_alive():
            raise RuntimeError("the server did not stop")


def _wait_for(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.001)
