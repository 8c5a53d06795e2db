"""Whatever is raised becomes problem+json: a known error with its status, an unknown one without a word of what it says."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from agent.errors import AgentError, RequestInvalid
from fhir import errors as fhir_errors
from policies.errors import PolicyError
from sidenote.audit.errors import AuditDown
from sidenote.web.errors import MethodRefused, NotFound, SessionOver
from sidenote.web.problems import MEDIA_TYPE, Problems, answer, known, status_of
from sidenote.web.wire.session import Problem

CANARY = "canary-Müller-1961"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SessionOver(), 401),
        (NotFound(), 404),
        (fhir_errors.IssuerUnknown("x"), 400),
        (fhir_errors.LaunchInvalid("x"), 400),
        (fhir_errors.AuthorizationDenied("x"), 403),
        (fhir_errors.TokenRefused("x"), 403),
        (fhir_errors.TokenInvalid("x"), 502),
        (fhir_errors.IdTokenInvalid("x"), 502),
        (fhir_errors.CapabilityMissing("x"), 502),
        (fhir_errors.LaunchAgain("x"), 401),
        (fhir_errors.Unreachable("x"), 503),
        (fhir_errors.BreakerOpen("x"), 503),
        (fhir_errors.DeadlinePassed("x"), 504),
        (fhir_errors.RegistrationInvalid("x"), 500),
        (RequestInvalid("x"), 422),
        (AgentError("x"), 500),
        (PolicyError("x"), 500),
        (AuditDown("x"), 503),
        (ValueError("x"), 500),
    ],
)
def test_each_kind_of_error_has_its_status(error: Exception, status: int) -> None:
    assert status_of(error) == status
    told = Problem.model_validate_json(bytes(answer(error).body))
    assert told.status == status
    assert told.code == getattr(error, "code", "internal_error")
    assert told.retryable == getattr(error, "retryable", False)


def every(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for child in kind.__subclasses__():
        yield from every(child)


@pytest.mark.parametrize("kind", list(every(fhir_errors.RecordError)))
def test_what_may_be_tried_again_is_never_told_as_the_askers_fault(kind: type[Exception]) -> None:
    assert status_of(kind("x")) >= (500 if kind.retryable else 400)  # type: ignore[attr-defined]


def test_a_defect_says_nothing_but_that_it_is_one(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError(CANARY)

    with caplog.at_level(logging.DEBUG):
        told = TestClient(Problems(broken)).get("/")
    assert (told.status_code, told.headers["content-type"]) == (500, MEDIA_TYPE)
    assert told.json()["code"] == "internal_error"
    assert CANARY not in told.text
    (record,) = (one for one in caplog.records if one.name == "sidenote.web")
    assert (record.kind, "test_problems.py" in record.places, CANARY in str(vars(record))) == ("ValueError", True, False)  # type: ignore[attr-defined]


def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    async def stream() -> Any:
        yield b"first"
        raise ValueError(CANARY)

    async def route(request: Request) -> Response:
        return StreamingResponse(stream(), media_type="text/plain")

    told = TestClient(Problems(Starlette(routes=[Route("/", route)])), raise_server_exceptions=False).get("/")
    assert (told.status_code, told.text) == (200, "first")


def test_what_is_no_request_passes_by() -> None:
    async def lifespan(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("not for a client")

    with pytest.raises(ValueError, match="not for a client"), TestClient(Problems(lifespan)):
        pass


def test_what_the_router_raises_is_told_as_ours() -> None:
    assert isinstance(known(HTTPException(404)), NotFound)
    refused = known(HTTPException(405, headers={"Allow": "GET"}))
    assert isinstance(refused, MethodRefused)
    assert answer(refused).headers["allow"] == "GET"
    assert status_of(known(HTTPException(400, CANARY))) == 422
    assert CANARY not in str(known(HTTPException(400, CANARY)))


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=r"^[a-z]+$")
    inner: list[Inner] = []


@pytest.fixture
def lenient() -> TestClient:
    from fastapi import FastAPI
    from fastapi.exceptions import RequestValidationError

    from sidenote.web.problems import refused

    app = FastAPI(exception_handlers={RequestValidationError: refused, HTTPException: refused})

    @app.post("/things/{number}")
    async def things(number: int, body: Body, since: int = 0) -> PlainTextResponse:
        return PlainTextResponse("taken")

    return TestClient(Problems(app))


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("/things/1", {"name": CANARY}, "body.name"),
        ("/things/1", {"name": "a", CANARY: 1}, "body"),
        ("/things/1", {"name": "a", "inner": [{"size": 1}, {"size": CANARY}]}, "body.inner.1.size"),
        ("/things/1", {"name": "a", "inner": [{"size": 1, CANARY: 1}]}, "body.inner.0"),
        (f"/things/{CANARY}", {"name": "a"}, "path.number"),
        (f"/things/1?since={CANARY}", {"name": "a"}, "query.since"),
        ("/things/1", [CANARY], "body"),
    ],
)
def test_what_is_wrong_is_named_by_our_own_names_and_not_repeated(lenient: TestClient, path: str, body: object, fields: str) -> None:
    told = lenient.post(path, json=body)
    assert (told.status_code, told.json()["code"]) == (422, "input_invalid")
    assert told.json()["detail"] == f"not what it must be: {fields}"
    assert "canary" not in told.text.lower()


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"name": NaN}', b"", b"[" * 50_000])
def test_a_body_that_cannot_be_read_is_told_without_its_text(lenient: TestClient, body: bytes) -> None:
    told = lenient.post("/things/1", content=body, headers={"Content-Type": "application/json"})
    assert (told.status_code, told.json()["code"]) == (422, "input_invalid")
