"""Reviews of a session: begin one, follow it, read it, ask on it, end it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi.responses import Response, StreamingResponse

from sidenote.audit import events as audited
from sidenote.web import streaming
from sidenote.web.answering import answered
from sidenote.web.bearer import PartsOf, RunOf, SessionOf
from sidenote.web.running import start
from sidenote.web.wire.ask import AnswerView, QuestionAsked
from sidenote.web.wire.review import ReviewAsked, ReviewBegun
from sidenote.web.wire.view import ReviewView

router = APIRouter(prefix="/api/reviews", tags=["reviews"])
_STREAM: dict[int | str, Any] = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}


@router.post("", status_code=202)
async def begin(asked: ReviewAsked, session: SessionOf, parts: PartsOf) -> ReviewBegun:
    """Begin another review of the session's patient."""
    return ReviewBegun(review_id=start(session, parts, study=asked.study).review_id)


@router.get("/{review_id}", response_model=ReviewView)
async def read(run: RunOf) -> Response:
    """The review, byte for byte as its `review` event carried it."""
    return Response(run.require_shown().view, media_type="application/json")


@router.get("/{review_id}/events", response_class=StreamingResponse, responses=_STREAM)
async def events(run: RunOf, last_event_id: Annotated[str | None, Header()] = None) -> StreamingResponse:
    """What happens in the review, from after the event that `Last-Event-ID` names, until its session ends."""
    told = streaming.stream(run, streaming.last_event(last_event_id))
    return StreamingResponse(told, headers=dict(streaming.HEADERS), media_type="text/event-stream")


@router.delete("/{review_id}", status_code=204)
async def cancel(run: RunOf, session: SessionOf) -> None:
    """End the review: its work is cancelled, and nothing of it is kept."""
    run.cancel("cancelled")
    session.runs.pop(run.review_id, None)


@router.post("/{review_id}/questions")
async def ask(run: RunOf, asked: QuestionAsked, session: SessionOf, parts: PartsOf) -> AnswerView:
    """Answer a question from what the review was made of. The EHR is not asked again, and the question is kept nowhere."""
    async with run.asking:
        finished = run.require_shown().finished
        answer, further = await asyncio.to_thread(answered, finished, asked.text, run.further)
        run.require_shown()  # it may have ended meanwhile, and then nothing of it is kept or sent
        run.further = further
    await parts.audit.append(audited.asked(session.who, run.review_id))
    run.require_shown()
    return answer
