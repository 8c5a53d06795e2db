"""Whose request it is: the handle in `Authorization: Bearer` (RFC 6750 2.1), and nothing else. No cookie, no parameter."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from sidenote.web.errors import NotFound, SessionOver
from sidenote.web.parts import WebParts
from sidenote.web.running import Run
from sidenote.web.sessions import WebSession

Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False, description="The handle of a session."))]


def parts_of(request: Request) -> WebParts:
    """What the door is built with."""
    parts: WebParts = request.app.state.parts
    return parts


async def session_of(request: Request, bearer: Bearer = None) -> WebSession:
    """The session of the handle that came with the request.

    Raises:
        SessionOver: there is none.
    """
    if bearer is None:
        raise SessionOver
    session = await parts_of(request).sessions.of(bearer.credentials)
    request.state.session = session
    return session


async def run_of(session: Annotated[WebSession, Depends(session_of)], review_id: str) -> Run:
    """The review of this session with the id in the path.

    Raises:
        NotFound: there is none, or it is another session's: the two cannot be told apart.
    """
    found = session.runs.get(review_id)
    if found is None:
        raise NotFound
    return found


SessionOf = Annotated[WebSession, Depends(session_of)]
"""For the signature of a route."""
PartsOf = Annotated[WebParts, Depends(parts_of)]
"""For the signature of a route."""
RunOf = Annotated[Run, Depends(run_of)]
"""For the signature of a route that names a review."""
