"""Runs a pretend hospital on a free port of loopback while a `with` block lasts."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from sandbox.ehr.app import hospital_app
from sandbox.ehr.auth.server import AuthorizationServer
from sandbox.ehr.config import Config
from sandbox.ehr.faults import Faults
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.store import Store

_PATIENCE = 60.0
"""Seconds in which a server has to start or stop; past them something is broken."""


@dataclass(frozen=True, slots=True)
class Running:
    """A hospital that answers on loopback."""

    hospital: Hospital

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return self.hospital.origin

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
def running(store: Store, config: Config | None = None, *, compose: Callable[[Hospital], ASGIApp] = hospital_app) -> Iterator[Running]:
    """Serve a hospital that holds `store`, on a free port of 127.0.0.1, until the block ends.

    `compose` makes the application once the origin is known: one that puts other things beside the hospital, if need be.

    Raises:
        RuntimeError: the server did not start or stop.
    """
    hospital = Hospital(store, config)
    # asyncio turns Nagle's delay (40 ms an answer) off only on sockets that name their protocol
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        hospital.move_to(f"http://127.0.0.1:{listener.getsockname()[1]}")
        app = compose(hospital)
        settings = uvicorn.Config(app, log_config=None, access_log=False, log_level="critical", lifespan="off", ws="none", loop="asyncio")
        server = _Server(settings)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            _wait_for(server, thread)
            yield Running(hospital)
        finally:
            server.end()
            thread.join(_PATIENCE)
        if thread.is_alive():
            raise RuntimeError("the server did not stop")


class _Server(uvicorn.Server):
    """Ends when it is told to: uvicorn's own looks every tenth of a second whether it shall, and then waits another one."""

    _wake: Callable[[], object] | None = None

    def end(self) -> None:
        """From another thread."""
        self.should_exit = True
        if self._wake is not None:
            with suppress(RuntimeError):  # it has ended already
                self._wake()

    async def main_loop(self) -> None:
        told, loop = asyncio.Event(), asyncio.get_running_loop()
        self._wake = lambda: loop.call_soon_threadsafe(told.set)
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(told.wait(), 1.0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)


def _wait_for(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.001)
