"""A fault proxy on loopback: it asks a server, or a script, and then hands the answer on as badly as its plan says.

Test files cannot import each other: tests/conftest.py loads this by its path and binds the fixtures `fault_proxy` and `faults`.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Literal

import pytest

Rewrite = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Asked:
    """One question as it came: header names in lower case."""

    method: str
    target: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    head: bytes = field(repr=False)


Source = bytes | Callable[[Asked], bytes | Awaitable[bytes]]


@dataclass(frozen=True)
class Plan:
    """How an answer is handed on. The default hands it on whole, and keeps the connection."""

    latency: float = 0.0
    """Seconds before the first byte."""
    rewrite: Rewrite = lambda answer: answer
    """What becomes of the bytes: `corrupt`, `wrong_length`, `chunked`, `repeated_header`."""
    stop_at: int | None = None
    """Bytes of the answer that are sent; after them the connection ends as `stop` says."""
    stop: Literal["reset", "close", "half-close", "silence"] = "reset"
    """RST, FIN of both directions, FIN of ours alone, or nothing ever again (at 0 bytes: a black hole)."""
    rate: int | None = None
    """Bytes a second, in tenths of a second."""


def corrupt(position: int) -> Rewrite:
    """Turn over the bits of one byte of the body."""

    def rewrite(answer: bytes) -> bytes:
        head, gap, body = answer.partition(b"\r\n\r\n")
        return head + gap + body[:position] + bytes([body[position] ^ 0xFF]) + body[position + 1 :]

    return rewrite


def wrong_length(more: int) -> Rewrite:
    """Say that the body is `more` bytes longer than it is, or shorter."""

    def rewrite(answer: bytes) -> bytes:
        lines = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
        (old,) = (line for line in lines if line.lower().startswith(b"content-length:"))
        return answer.replace(old, b"Content-Length: %d" % (int(old.partition(b":")[2]) + more), 1)

    return rewrite


def chunked(size: int) -> Rewrite:
    """Send the body in chunks (RFC 9112 7.1) instead of saying its length."""

    def rewrite(answer: bytes) -> bytes:
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
        parts = [body[start : start + size] for start in range(0, len(body), size)]
        framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
        return b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", framed]) + b"0\r\n\r\n"

    return rewrite


def repeated_header(line: str) -> Rewrite:
    """Add a header line, whether or not the name is there."""
    return lambda answer: answer.replace(b"\r\n\r\n", f"\r\n{line}\r\n\r\n".encode(), 1)


def http(body: bytes = b"{}", status: str = "200 OK", **headers: str) -> bytes:
    """A sound answer with its length; `content_type="…"` for Content-Type."""
    named = {"content_type": "application/fhir+json", **headers}
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in named.items()), f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def relayed(host: str, port: int) -> Source:
    """Ask a real server, on a connection of its own."""

    async def fetch(asked: Asked) -> bytes:
        reader, writer = await asyncio.open_connection(host, port)
        first, *lines = asked.head.rstrip(b"\r\n").split(b"\r\n")
        kept = [line for line in lines if not line.lower().startswith(b"connection:")]
        writer.write(b"\r\n".join([first, *kept, b"Connection: close", b"", asked.body]))
        answer = await reader.read(-1)
        writer.close()
        head, gap, body = answer.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        return b"\r\n".join(lines) + gap + body

    return fetch


class Proxy:
    """Runs in a thread of its own between `start` and `close`. `plans` are used up first, one an answer; then `plan`."""

    def __init__(self, source: Source) -> None:
        self.source, self.plans = source, deque[Plan]()
        self.plan: Plan | Callable[[Asked], Plan] = Plan()
        self.asked: list[Asked] = []
        self.connections = 0
        self.hung_up = threading.Event()
        """Set when a client goes before its answer has ended."""
        # Bound as long as the proxy is there, and listening to nobody: while it is down no other process can be given its port.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port: int = self._reserved.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy")
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Proxy:
        self._thread.start()
        self.up()
        return self

    def up(self) -> None:
        """Listen, on the same port as before."""
        self._server = self._run(asyncio.start_server(self._connected, "127.0.0.1", self.port, reuse_port=True))

    def down(self) -> None:
        """Stop listening: who connects is refused."""
        if self._server is not None:
            self._run(_closed(self._server))
            self._server = None

    def close(self) -> None:
        self.down()
        self._run(self._cancelled())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._reserved.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _cancelled(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = self._loop.create_task(self._served(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            try:
                while await self._answered(await _request(reader), reader, writer):
                    pass
            finally:
                writer.close()

    async def _answered(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one question; whether the connection goes on."""
        self.asked.append(asked)
        plan = self.plans.popleft() if self.plans else self.plan
        plan = plan(asked) if callable(plan) else plan
        gone = asyncio.ensure_future(_gone(reader))
        delivery = asyncio.ensure_future(self._delivered(plan, asked, writer))
        try:
            await asyncio.wait({gone, delivery}, return_when=asyncio.FIRST_COMPLETED)
            if not delivery.done():
                self.hung_up.set()
                return False
            return await delivery
        finally:
            for task in (gone, delivery):
                task.cancel()
            await asyncio.gather(gone, delivery, return_exceptions=True)

    async def _delivered(self, plan: Plan, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        answer = self.source(asked) if callable(self.source) else self.source
        answer = plan.rewrite(answer if isinstance(answer, bytes) else await answer)
        await asyncio.sleep(plan.latency)
        sent = answer if plan.stop_at is None else answer[: plan.stop_at]
        step = len(sent) or 1 if plan.rate is None else max(1, plan.rate // 10)
        for start in range(0, len(sent), step):
            writer.write(sent[start : start + step])
            await writer.drain()
            if plan.rate is not None:
                await asyncio.sleep(0.1)
        if plan.stop_at is None:
            return b"connection: close" not in answer.partition(b"\r\n\r\n")[0].lower()
        return await _stopped(plan.stop, writer)


async def _stopped(how: str, writer: asyncio.StreamWriter) -> bool:
    if how == "reset":
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    if how == "half-close":
        writer.write_eof()
    if how in ("half-close", "silence"):
        await asyncio.Event().wait()
    return False


async def _gone(reader: asyncio.StreamReader) -> None:
    """Looks without reading: what may be read is the next question."""
    while not reader.at_eof() and reader.exception() is None:
        await asyncio.sleep(0.005)


async def _request(reader: asyncio.StreamReader) -> Asked:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Asked(method, target, headers, await reader.readexactly(int(headers.get("content-length", 0))), head)


async def _closed(server: asyncio.Server) -> None:
    server.close()
    await server.wait_closed()


@pytest.fixture
def fault_proxy() -> Iterator[Callable[[Source], Proxy]]:
    """Starts proxies in front of an answer, a function of the question, or a server (`relayed`); all end with the test."""
    started: list[Proxy] = []

    def start(source: Source) -> Proxy:
        started.append(Proxy(source).start())
        return started[-1]

    yield start
    for proxy in started:
        proxy.close()


@pytest.fixture
def faults() -> ModuleType:
    """This module: plans, rewrites and answers."""
    return sys.modules[__name__]
