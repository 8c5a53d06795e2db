"""Errors as answers: RFC 9457 problem+json with a stable code, by an explicit table of statuses. Nothing that was sent is repeated."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from traceback import extract_tb
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent import errors as agent_errors
from fhir import errors as fhir_errors
from sidenote.audit import errors as audit_errors
from sidenote.decisions import errors as decision_errors
from sidenote.problems import Coded, problem
from sidenote.web import errors as web_errors
from sidenote.web.refusals import refusal_told
from sidenote.web.wire.session import Problem

MEDIA_TYPE = "application/problem+json"
STATUSES: Mapping[type[Exception], int] = {
    fhir_errors.RecordError: 502,
    fhir_errors.Unreachable: 503,
    fhir_errors.DeadlinePassed: 504,
    fhir_errors.RegistrationInvalid: 500,
    fhir_errors.DraftInvalid: 500,
    fhir_errors.IssuerUnknown: 400,
    fhir_errors.LaunchInvalid: 400,
    fhir_errors.AuthorizationDenied: 403,
    fhir_errors.TokenRefused: 403,
    fhir_errors.KeysUnavailable: 503,
    fhir_errors.LaunchAgain: 401,
    agent_errors.RequestInvalid: 422,
    audit_errors.AuditDown: 503,
    decision_errors.DecisionsUnusable: 503,
}
"""Kind of error -> status; the nearest ancestor counts, and 500 where none is named. A `WebError` has its own."""
_log = logging.getLogger("sidenote.web")
_SCHEMA = {"content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}
RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "Refused; `code` says why.", **_SCHEMA},
    "5XX": {"description": "It could not be done; `retryable` says whether to try again.", **_SCHEMA},
    422: {"description": "The request is not what it must be.", **_SCHEMA},
}
"""For the OpenAPI document: every route may answer so."""


def status_of(error: Exception) -> int:
    """The status that an error is answered with."""
    if isinstance(error, web_errors.WebError):
        return error.status
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def known(error: Exception) -> Exception:
    """What the framework raises as an error of ours; every other error as it is."""
    if isinstance(error, RequestValidationError):
        return web_errors.InputInvalid(f"not what it must be: {', '.join(_fields(error)) or 'the request'}")
    if not isinstance(error, HTTPException):
        return error
    if error.status_code == 405:
        return web_errors.MethodRefused((error.headers or {}).get("Allow", ""))
    return web_errors.NotFound() if error.status_code == 404 else web_errors.InputInvalid("the request cannot be read")


def _fields(error: RequestValidationError) -> list[str]:
    """Where the faults are, by our own names: the name of an unknown field is the sender's and may say anything."""
    found = (item["loc"][:-1] if item["type"] == "extra_forbidden" else item["loc"] for item in error.errors())
    return list(dict.fromkeys(".".join(map(str, where)) for where in found))[:8]


def answer(error: Exception) -> Response:
    """The answer to an error. Of one without a code, a defect, nothing is told but that it is one."""
    if not isinstance(error, Coded):
        _log.error("defect", extra={"kind": type(error).__name__, "places": _places(error)})
        told = Problem(type="urn:sidenote:problem:internal_error", title="A defect of Sidenote.", status=500, code="internal_error")
        return Response(told.model_dump_json(), 500, media_type=MEDIA_TYPE)
    status = status_of(error)
    given = {name: value for name, value in problem(error, None).items() if name != "case_id"}
    headers = error.headers if isinstance(error, web_errors.WebError) else None
    return Response(Problem.model_validate({**given, "status": status}).model_dump_json(), status, headers, MEDIA_TYPE)


def _places(error: Exception) -> str:
    """Its place alone: the message of an error nobody foresaw may quote the record."""
    return ", ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)[-6:])


async def refused(request: Request, error: Exception) -> Response:
    """The answer to an error, once its refusal is in the audit; what cannot be told there is answered as `audit_down`."""
    ours = known(error)
    try:
        await refusal_told(request, ours, status_of(ours))
    except audit_errors.AuditDown as down:
        ours = down
    return answer(ours)


class Problems:
    """ASGI middleware: whatever is raised becomes an answer, or, where one has begun already, its abrupt end."""

    def __init__(self, app: ASGIApp) -> None:
        """Around `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and answer what is raised."""
        began = False

        async def watched(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if scope["type"] != "http":
                raise
            response = await refused(Request(scope), error)
            if not began:
                await response(scope, receive, send)
