"""Serves an application until the process is told to stop; then sessions end first, so that no open stream holds the end up."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

GRACE_SECONDS = 5
"""How long requests under way have to end once the process is told to stop."""
_IDLE_SECONDS = 30


class Listening(uvicorn.Server):
    """A server on a socket that is bound already. It writes no access log: URLs hold codes and states."""

    def __init__(self, app: ASGIApp, before_end: Callable[[], Awaitable[None]]) -> None:
        """Serve `app`; `before_end` is awaited once the process is told to stop, and new connections are refused from then on."""
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                proxy_headers=False,
                lifespan="off",
                ws="none",
                loop="asyncio",
                timeout_keep_alive=_IDLE_SECONDS,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._before_end = before_end

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM. Uvicorn raises them again after its end, which would end the process before stores are closed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the sessions, then the connections."""
        for server in self.servers:
            server.close()
        await self._before_end()
        await super().shutdown(sockets)


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Nagle's delay is off, since its protocol is named.

    Raises:
        OSError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()  # from now on: whoever comes before the server has begun waits, and is not refused
    except OSError:
        listener.close()
        raise
    return listener
