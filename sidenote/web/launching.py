"""A launch, from the page's first question to a session with its first review, and a session's end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import APIRouter

from fhir.errors import RecordError
from fhir.source import open_source
from sidenote.audit import events
from sidenote.audit.witness import SessionWitness
from sidenote.ehrs import session_access
from sidenote.web import abilities
from sidenote.web.bearer import PartsOf, SessionOf
from sidenote.web.deciding import finish_left
from sidenote.web.errors import SessionOver, WebError
from sidenote.web.parts import WebParts
from sidenote.web.running import start
from sidenote.web.sessions import Opening, WebSession
from sidenote.web.wire.session import EhrChoice, LaunchAsked, LaunchBegun, Messaging, OffView, SessionAsked, SessionOpened

if TYPE_CHECKING:
    from fhir.smart import Session
    from fhir.source import Source
    from sidenote.web.tenants import Tenant

router = APIRouter(prefix="/api", tags=["session"])
_log = logging.getLogger("sidenote.web")
STYLE_SECONDS = 1.0
"""How long the EHR's style is waited for: a page looks well without it."""


@router.get("/ehrs")
async def ehrs(parts: PartsOf) -> list[EhrChoice]:
    """The EHRs that a person may begin at."""
    return [EhrChoice(name=ehr.name, title=ehr.shown, iss=ehr.iss) for ehr in parts.ehrs]


@router.post("/launch")
async def launch(asked: LaunchAsked, parts: PartsOf) -> LaunchBegun:
    """Begin a launch. Whatever comes of it, what this tab had open before is over."""
    await parts.sessions.end_window(asked.window, "another_launch")
    async with _denial_told(parts, ""):
        tenant = parts.tenants.of(asked.iss)
    async with _denial_told(parts, tenant.ehr.name):
        if asked.launch is None:
            return LaunchBegun(authorize_url=await tenant.launches.standalone(asked.iss, asked.window))
        return LaunchBegun(authorize_url=await tenant.launches.ehr(asked.iss, asked.launch, asked.window))


@router.post("/session", status_code=201)
async def begin(asked: SessionAsked, parts: PartsOf) -> SessionOpened:
    """End a launch with what the browser brought back: a session of one patient, whose first review has begun."""
    tenant = parts.tenants.named(asked.ehr)
    await parts.sessions.end_window(asked.window, "another_launch")
    with parts.sessions.opening(asked.window) as opening:
        async with _denial_told(parts, tenant.ehr.name):
            handle, session = await _opened(parts, tenant, asked, opening)
    try:
        await parts.audit.append(events.launched(session.who))
        _require_open(session)
        welcome = await _welcome(parts, tenant, handle, session)
        _require_open(session)
    except BaseException:
        await parts.sessions.end(session, "session_over")
        raise
    return welcome


@router.delete("/session", status_code=204)
async def sign_out(session: SessionOf, parts: PartsOf) -> None:
    """End the session: its tokens are forgotten, its work is cancelled, its reviews are dropped."""
    await parts.sessions.end(session, "signed_out")


def _require_open(session: WebSession) -> None:
    """Another launch of the tab may have come while something was waited for."""
    if session.over is not None:
        raise SessionOver


@asynccontextmanager
async def _denial_told(parts: WebParts, ehr: str) -> AsyncIterator[None]:
    try:
        yield
    except (RecordError, WebError) as error:
        await parts.strangers.refused(events.launch_denied(ehr, error.code))
        raise


async def _opened(parts: WebParts, tenant: Tenant, asked: SessionAsked, opening: Opening) -> tuple[str, WebSession]:
    came_to = f"{parts.public_url}/callback/{tenant.ehr.name}"
    launched = await tenant.launches.callback(came_to, asked.query, asked.window)
    user = abilities.user_of(launched.session.user, tenant.ehr.iss)
    try:
        return parts.sessions.open(opening, tenant.ehr, launched, user, lambda who: _source(parts, tenant, launched.session, who))
    except BaseException:
        launched.session.end()
        raise


def _source(parts: WebParts, tenant: Tenant, session: Session, who: events.Who) -> Source:
    """The EHR as this session reads it: with its token, and before a witness."""
    witness = SessionWitness(parts.audit, who, tenant.issuer.key)
    return open_source(tenant.issuer.key, access=lambda _: session_access(tenant.ehr, session, tenant.tls, witness=witness))


async def _welcome(parts: WebParts, tenant: Tenant, handle: str, session: WebSession) -> SessionOpened:
    run = start(session, parts)
    _finish(session, parts)
    context = session.launched.session.context
    return SessionOpened(
        handle=handle,
        expires_in=parts.sessions.expires_in,
        ehr=session.ehr.shown,
        user=session.user,
        shows_banner=context.shows_banner,
        review_id=run.review_id,
        off=tuple(OffView(what=one.what, reach=one.reach) for one in session.launched.off),
        style=await _style(tenant, session),
        messaging=_messaging(session),
        may_decide=abilities.may_decide(session),
        may_write=abilities.may_write(session),
        image_model=parts.image_model,
        emergency=session.emergency,
    )


def _finish(session: WebSession, parts: WebParts) -> None:
    """Write beside what this clinician decided here before and an EHR that was away did not take. What fails again waits again."""

    async def finish() -> None:
        try:
            await finish_left(session, parts)
        except Exception as error:  # noqa: BLE001 - nobody waits for it, and its row of the audit says what came of it
            _log.warning("unfinished", extra={"kind": type(error).__name__, "session": session.id})

    chore = asyncio.create_task(finish())
    session.chores.add(chore)
    chore.add_done_callback(session.chores.discard)


def _messaging(session: WebSession) -> Messaging | None:
    context = session.launched.session.context
    origin, handle = context.smart_web_messaging_origin, context.smart_web_messaging_handle
    return None if origin is None or handle is None else Messaging(origin=origin, handle=handle)


async def _style(tenant: Tenant, session: WebSession) -> dict[str, str]:
    try:
        async with asyncio.timeout(STYLE_SECONDS):
            return await tenant.launches.style(session.launched.session)
    except TimeoutError:
        return {}
