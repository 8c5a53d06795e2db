"""A server that ends when it is told to: sessions first, open streams with them, and without a log of what was asked."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from sidenote.web.listening import Listening, bound


def served(act: Any, caught: list[str] | None = None) -> Any:
    """Run `act(origin, server, told)` beside a server whose only stream ends once `told` is set, as sessions' streams do."""

    async def inside() -> Any:
        told = asyncio.Event()

        async def before_end() -> None:
            (caught if caught is not None else []).append("sessions ended")
            told.set()

        async def stream(request: Request) -> Response:
            async def events() -> Any:
                yield "first\n"
                await told.wait()
                yield "ended\n"

            return StreamingResponse(events(), media_type="text/plain")

        async def plain(request: Request) -> Response:
            return PlainTextResponse("here")

        with bound("127.0.0.1", 0) as listener:
            server = Listening(Starlette(routes=[Route("/stream", stream), Route("/", plain)]), before_end)
            task = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started:
                await asyncio.sleep(0.005)
            try:
                return await act(f"http://127.0.0.1:{listener.getsockname()[1]}", server)
            finally:
                server.should_exit = True
                await asyncio.wait_for(task, 60)

    return asyncio.run(inside())


def test_an_open_stream_is_told_of_the_end_and_holds_nothing_up() -> None:
    order: list[str] = []

    async def act(origin: str, server: Listening) -> list[str]:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client, client.stream("GET", f"{origin}/stream") as answer:
            lines = answer.aiter_lines()
            first = await anext(lines)
            server.should_exit = True
            return [first, *[line async for line in lines]]

    assert served(act, order) == ["first", "ended"]
    assert order == ["sessions ended"]


@pytest.mark.fault(32)
def test_what_is_asked_is_in_no_log_and_the_server_does_not_say_what_it_is(caplog: pytest.LogCaptureFixture) -> None:
    async def act(origin: str, server: Listening) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            return await client.get(f"{origin}/?code=canary")

    with caplog.at_level(logging.DEBUG):
        answer = served(act)
    assert "server" not in answer.headers
    assert [one for one in caplog.records if one.name.startswith("uvicorn") and "canary" in str(vars(one))] == []


def test_a_port_that_is_taken_is_not_shared() -> None:
    with bound("127.0.0.1", 0) as first:
        with pytest.raises(OSError, match="in use"):
            bound("127.0.0.1", first.getsockname()[1])
        assert first.family == socket.AF_INET


def test_an_address_of_the_sixth_version_is_one_too() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        with bound("::1", 0) as listener:
            assert listener.family == socket.AF_INET6
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
