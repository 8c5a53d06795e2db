"""However an export ends, the server hears of it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from fhir.bulk.job import begun
from fhir.bulk.kickoff import kick_off
from fhir.bulk.poll import Patience
from fhir.bulk.request import ExportRequest
from fhir.errors import ExportFailed

QUICK = Patience(first=0.001, total=1.0)


def during(server: Any, wired: Callable[..., Any], error: BaseException | None) -> None:
    async def go() -> None:
        wire = wired()
        try:
            async with begun(wire, kick_off(server.base, ExportRequest("system")), QUICK) as url:
                assert url.startswith(server.origin)
                assert len(server.jobs) == 1
                if error is not None:
                    raise error
        finally:
            await wire.aclose()

    asyncio.run(go())


@pytest.mark.std("C2")
@pytest.mark.parametrize("error", [None, ExportFailed("x"), ZeroDivisionError(), KeyboardInterrupt(), asyncio.CancelledError()], ids=repr)
def test_the_export_is_deleted_after_every_end(server: Any, wired: Callable[..., Any], error: BaseException | None) -> None:
    if error is None:
        during(server, wired, None)
    else:
        with pytest.raises(type(error)):
            during(server, wired, error)
    assert not server.jobs
    assert [one.method for one in server.asked] == ["GET", "DELETE"]


@pytest.mark.std("C2")
@pytest.mark.parametrize("status", [200, 404, 405, 500])
def test_a_delete_that_the_server_does_not_take_is_no_error_of_the_export(
    server: Any, wired: Callable[..., Any], reply: Any, status: int
) -> None:
    server.scripted("GET", "/fhir/$export", reply(202, b"", {"Content-Location": "/jobs/x"}))
    server.scripted("DELETE", "/jobs/x", *(reply(status) for _ in range(3)))
    server.jobs.add("/jobs/x")
    during(server, wired, None)
    assert "DELETE" in [one.method for one in server.asked]


@pytest.mark.std("C2")
@pytest.mark.parametrize("moment", ["while the kick-off is under way", "while it lasts"])
@pytest.mark.parametrize("cancels", [1, 2])
def test_a_cancelled_export_is_deleted_at_whatever_moment_and_however_often(
    server: Any, wired: Callable[..., Any], moment: str, cancels: int
) -> None:
    heard, go_on = threading.Event(), threading.Event()
    real = server.kick_off

    def slow(asked: Any) -> Any:
        heard.set()
        go_on.wait(60)
        return real(asked)

    server.kick_off = slow

    async def go() -> None:
        wire = wired()
        inside = asyncio.Event()

        async def work() -> None:
            async with begun(wire, kick_off(server.base, ExportRequest("system")), QUICK):
                inside.set()
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await asyncio.to_thread(heard.wait, 60)
        if moment == "while it lasts":
            go_on.set()
            await inside.wait()
        for _ in range(cancels):
            task.cancel()
            await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        deadline = time.monotonic() + 60
        while [one.method for one in server.asked] != ["GET", "DELETE"] and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        await wire.aclose()

    asyncio.run(go())
    assert [one.method for one in server.asked] == ["GET", "DELETE"]
    assert not server.jobs
