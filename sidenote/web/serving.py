"""Builds what the web door needs and keeps it open: for `serve`, the demo and the tests. What cannot be served safely does not start."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING

from agent.engine import require_no_tracing
from fhir.errors import ElsewhereRefused
from fhir.wire.origins import origin_of
from sidenote.audit import events
from sidenote.audit.store import Audit
from sidenote.decisions.store import Decisions
from sidenote.errors import SettingsInvalid
from sidenote.settings import Settings
from sidenote.telemetry.metrics import Metrics
from sidenote.web.parts import WebParts
from sidenote.web.refusals import Strangers
from sidenote.web.sessions import Sessions, WebSession
from sidenote.web.tenants import open_tenants
from sidenote.wiring import standing

if TYPE_CHECKING:
    from sidenote.web.wire.stream import EndReason

_log = logging.getLogger("sidenote.web")
SWEEP_SECONDS = 15.0
"""How often sessions whose time has passed, and refusals that were only counted, are looked for."""


def _now() -> datetime:
    return datetime.now(UTC)


def public_url_of(settings: Settings) -> str:
    """Under which URL browsers see us, without a slash at its end.

    Raises:
        SettingsInvalid: no EHR is configured, or `public_url` is missing, no plain URL, or neither https nor this machine.
    """
    if not settings.ehr:
        raise SettingsInvalid("ehr: none is configured, so nobody could launch")
    url = (settings.public_url or "").rstrip("/")
    if not url:
        raise SettingsInvalid("public_url: missing; EHRs must know where to send their users back to")
    try:
        private = origin_of(url).private
    except ElsewhereRefused:
        raise SettingsInvalid("public_url: no http or https URL") from None
    if not private or "?" in url or "#" in url:
        raise SettingsInvalid("public_url: must be https (http on this machine alone), without query and fragment")
    return url


_FIRST_NEEDED = ("langgraph.graph", "langgraph.types", "joserfc.jwt", "stamina", "httpx")


def _loaded() -> None:
    """Load what the first launch would otherwise wait for, with everybody else."""
    for name in _FIRST_NEEDED:
        import_module(name)


@asynccontextmanager
async def web_parts(
    settings: Settings, *, now: Callable[[], datetime] = _now, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[WebParts]:
    """Everything the door needs, open while the context lasts; at its end every session ends.

    Args:
        settings: The site's configuration.
        now: What time it is, as reviews have it.
        clock: Seconds that only grow, by which sessions end.

    Raises:
        SettingsInvalid: what cannot be served safely; the message begins with the key.
        agent.errors.UnsafeEngine: a tracing variable is set, which would send charts away.
        sidenote.audit.errors.AuditDown: the audit cannot be opened.
        sidenote.decisions.errors.DecisionsForeign, DecisionsUnusable: the store of decisions cannot be opened.
        Others as `sidenote.wiring.standing` and `sidenote.web.tenants.open_tenants`.
    """
    public_url = public_url_of(settings)
    require_no_tracing()
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        audit = Audit(settings.store_file, heard=metrics.heard)
        stack.push_async_callback(audit.aclose)
        decisions = Decisions(settings.store_file)
        parts_with = await stack.enter_async_context(standing(settings, image_model=settings.serve_image_model))
        await asyncio.to_thread(_loaded)  # not before the engine was made safe, by `standing`
        tenants = await stack.enter_async_context(open_tenants(settings.ehr, public_url))

        async def told(session: WebSession, reason: EndReason) -> None:
            await audit.append(events.ended(session.who, reason))

        sessions = Sessions(minutes=settings.session_minutes, ended=told, clock=clock)
        metrics.watches(lambda: len(sessions))
        stack.push_async_callback(sessions.aclose)
        strangers = Strangers(audit, clock)
        stack.push_async_callback(strangers.aclose)
        await stack.enter_async_context(_swept(sessions, strangers))
        reads_images = settings.serve_image_model and settings.image_model != "off"
        yield WebParts(settings, public_url, tenants, sessions, parts_with, audit, decisions, reads_images, now, strangers, metrics)


@asynccontextmanager
async def _swept(*kept: Sessions | Strangers) -> AsyncIterator[None]:
    async def sweep() -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            for one in kept:
                try:
                    await one.sweep()
                except Exception as error:  # noqa: BLE001 - the next sweep may do better, and without any nothing would expire unasked
                    _log.error("defect", extra={"kind": type(error).__name__})

    task = asyncio.create_task(sweep())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
