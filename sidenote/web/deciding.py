"""Decisions of people on the cards of a review, and the drafts that come of them.

Here and nowhere else in a running door is a decision made: from a session that an EHR launched for a clinician, on the bytes which that
session was shown.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import Response

from agent.errors import AgentError
from agent.gate import Held, hold
from fhir.server import ServerSource
from sidenote.audit import events
from sidenote.decisions.carrying_out import Hand, carry_out, finish
from sidenote.decisions.decision import Decision, Taken
from sidenote.decisions.errors import DecidedAlready
from sidenote.render.legible import spelled
from sidenote.web.abilities import may_decide, may_write
from sidenote.web.bearer import PartsOf, RunOf, SessionOf
from sidenote.web.cards import card_sha256
from sidenote.web.errors import NobodyKnown, NotDecidable, NotFound, SessionOver, ShownChanged
from sidenote.web.problems import MEDIA_TYPE
from sidenote.web.running import Shown
from sidenote.web.wire import decide
from sidenote.web.wire.session import Problem
from sidenote.web.wire.view import CardView, ReviewView

if TYPE_CHECKING:
    from datetime import datetime

    from sidenote.decisions.decision import Draft
    from sidenote.web.parts import WebParts
    from sidenote.web.sessions import WebSession

ROUTE = "/api/reviews/{review_id}/decisions"
router = APIRouter(tags=["decisions"])
LEFT_FOR = timedelta(days=1)
"""How long a draft is still written by itself when its clinician comes back: a chart has gone on, and nobody looks at the draft again."""
_LATE = {k: v for k, v in decide.DecidedAlready.model_json_schema(ref_template="#/components/schemas/{model}").items() if k != "$defs"}
_FIRST: dict[int | str, Any] = {
    409: {
        "description": "Somebody was first; or it cannot be decided so.",
        "content": {MEDIA_TYPE: {"schema": {"anyOf": [_LATE, Problem.model_json_schema()]}}},
    }
}
_WORDS: dict[str, str] = {
    "rejected": "Nothing is written to the EHR.",
    "off": "Drafts of this session are not written to the EHR.",
    "pending": "The draft is being written to the EHR.",
    "written": "A preliminary draft is in the EHR, labelled as made by an AI, with who checked it.",
    "deadline_passed": "The EHR did not answer in time. Decide the same once more to try again.",
    "fhir_unreachable": "The EHR did not answer. Decide the same once more to try again.",
    "server_overloaded": "The EHR is too busy. Decide the same once more to try again.",
    "breaker_open": "The EHR does not answer. Decide the same once more in a while.",
    "launch_again": "The session ended before the draft was written. It is written when you open this chart again within a day.",
    "fhir_access_refused": "The EHR does not let this session write the draft.",
    "request_refused": "The EHR does not take the draft.",
    "version_conflict": "The EHR holds something else in the draft's place.",
    "write_unproven": "What the EHR holds is not the draft as it was sent. Look at it in the chart.",
}
"""State of a write, or code of what went wrong, to what a person reads."""


@router.get(ROUTE)
async def listed(run: RunOf, session: SessionOf, parts: PartsOf) -> list[decide.DecisionView]:
    """The decisions on the review, in the order they were taken."""
    run.require_shown()
    taken = await parts.decisions.of_review(session.ehr.name, run.review_id)
    run.require_shown()  # it may have ended meanwhile, and then nothing of it is sent
    return [_view(one) for one in taken]


@router.post(ROUTE, status_code=201, response_model=decide.DecisionView, responses=_FIRST)
async def decided(run: RunOf, asked: decide.DecisionAsked, session: SessionOf, parts: PartsOf) -> Any:
    """Decide on one card. The first decision stands; the very same one again tries again to write what failed to be written."""
    shown = run.require_shown()
    decision = _decision(session, parts, shown, _card(shown, asked.claim), asked)
    try:
        taken = await _taken(session, parts, shown, decision)
    except DecidedAlready as late:
        await parts.audit.append(events.denied(session.who, ROUTE, late.code))
        return Response(_late(late).model_dump_json(), 409, media_type=MEDIA_TYPE)
    return _view(await _carried_out(_hand(session, parts), taken))


async def _carried_out(hand: Hand, taken: Taken) -> Taken:
    """How far it is. A thread at the gate that cannot go on takes nothing back: the decision stands, and its write can be tried again."""
    try:
        return await carry_out(hand, taken.decision)
    except AgentError as error:
        return taken if taken.write == "off" else await hand.decisions.failed(taken.decision.key, error.code)


async def wait_for_people(session: WebSession, parts: WebParts, shown: Shown) -> None:
    """Have every statement that a person is asked about wait at the human gate, where one is there who could decide.

    Raises:
        agent.errors.FlightRecordError: the checkpoints cannot be used.
    """
    if not may_decide(session):
        return
    checkpoints, review = parts.parts_with(session.source).checkpoints, shown.finished.review.review_id
    for card in _cards(shown):
        if card.decidable:
            await hold(checkpoints, Held(session.ehr.name, review, card.claim, shown.sha256))


async def finish_left(session: WebSession, parts: WebParts) -> None:
    """Write what this clinician decided on this patient a day ago at most and what a crash, or an EHR that was away, left unwritten.

    Raises as `sidenote.decisions.carrying_out.finish`.
    """
    if _writes(session):
        await finish(_hand(session, parts), session.ehr.name, session.user, _instant(parts.now() - LEFT_FOR))


def _instant(when: datetime) -> str:
    """UTC, whole seconds."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cards(shown: Shown) -> tuple[CardView, ...]:
    """The cards in the very bytes that were shown."""
    view = ReviewView.model_validate_json(shown.view)
    return (*view.first, *view.consider, *view.seen)


def _card(shown: Shown, claim: str) -> CardView:
    """The card as it was shown.

    Raises:
        NotFound: none of this claim. NotDecidable: nobody is asked about it.
    """
    card = next((one for one in _cards(shown) if one.claim == claim), None)
    if card is None:
        raise NotFound
    if not card.decidable:
        raise NotDecidable("nobody is asked to decide on this statement")
    return card


def _decision(session: WebSession, parts: WebParts, shown: Shown, card: CardView, asked: decide.DecisionAsked) -> Decision:
    """What would stand.

    Raises:
        NobodyKnown: the EHR names no clinician. ShownChanged: the page shows other bytes.
    """
    if not may_decide(session):
        raise NobodyKnown("the EHR does not name a clinician who could decide")
    if asked.shown_sha256 != shown.sha256:
        raise ShownChanged("the page does not show the review as it is: load it again before you decide")
    return Decision(
        ehr=session.ehr.name,
        review_id=shown.finished.review.review_id,
        claim=asked.claim,
        action=asked.action,
        text=spelled(asked.text or card.text),
        reason=spelled(asked.reason or ""),
        by=session.user,
        at=_instant(parts.now()),
        shown_sha256=shown.sha256,
        session=session.id,
        record=shown.finished.head,
    )


async def _taken(session: WebSession, parts: WebParts, shown: Shown, decision: Decision) -> Taken:
    """The decision, once it is in the audit and stands; or the same one, which stood already and whose draft could not be written.

    Raises:
        DecidedAlready: another one stands, or there is nothing left to do. SessionOver: the session ended before it stood.
    """
    first = await parts.decisions.of(decision.key)
    if first is not None and first.write == "failed" and first.decision.says(decision):
        return first
    if first is not None:
        raise DecidedAlready(first)
    draft = await asyncio.to_thread(_draft, session, parts, shown, decision)
    if session.over is not None:  # it has ended meanwhile, and nobody decides in a session that is over
        raise SessionOver
    await parts.audit.append(events.decided(session.who, *decision.key[1:], decision.action))
    return await parts.decisions.take(decision, draft)


def _draft(session: WebSession, parts: WebParts, shown: Shown, decision: Decision) -> Draft | None:
    """What is to be written; None when nothing is."""
    from sidenote.decisions.drafting import draft_of

    if decision.action == "reject" or not _writes(session):
        return None
    review = shown.finished.review
    claim = next(one for one in review.claims if one.id == decision.claim)
    return draft_of(review, claim, decision, model_card=card_sha256(parts.settings) if review.reading else None)


def _writes(session: WebSession) -> bool:
    """Whether the session may write, and reads from a server at all."""
    return may_write(session) and isinstance(session.source, ServerSource)


def _hand(session: WebSession, parts: WebParts) -> Hand:
    async def told(references: tuple[str, ...], outcome: str) -> None:
        await parts.audit.append(events.wrote(session.who, references, outcome))

    source = session.source
    client = source.client if isinstance(source, ServerSource) else None
    return Hand(parts.decisions, parts.parts_with(source).checkpoints, client, session.patient, told)


def _view(taken: Taken) -> decide.DecisionView:
    decision = taken.decision
    return decide.DecisionView(
        claim=decision.claim,
        action=decision.action,
        text=decision.text,
        reason=decision.reason,
        by=decision.by,
        at=decision.at,
        write=taken.write,
        write_words=_words(taken),
        written=taken.written,
    )


def _words(taken: Taken) -> str:
    if taken.write == "off":
        return (
            "Nothing is written to the EHR." if taken.decision.action == "reject" else "Drafts of this session are not written to the EHR."
        )
    if taken.write == "failed":
        return _WORDS.get(taken.problem, "The draft could not be written. Decide the same once more to try again.")
    return _WORDS[taken.write]


def _late(late: DecidedAlready) -> decide.DecidedAlready:
    title = "Somebody decided first, and a statement is decided once."
    return decide.DecidedAlready(type=f"urn:sidenote:problem:{late.code}", title=title, detail=str(late), first=_view(late.first))
