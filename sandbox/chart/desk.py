"""What the endpoints of the chart share: the hospital, who is signed in, and how an answer is given or refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from fhir.chart import Chart
from fhir.errors import RecordError
from fhir.jsontext import check, loads
from fhir.types import ID
from sandbox.chart.guard import CSRF_HEADER, Forbidden, headers_for, require_same_origin, require_token
from sandbox.chart.misbehaviour import Misbehaviour
from sandbox.chart.pages import Frame, Pages
from sandbox.chart.patients import Listed, patient_list
from sandbox.chart.pictures import Pictures, held_by
from sandbox.chart.record import record_of
from sandbox.chart.sessions import Sessions, SignedIn
from sandbox.ehr.auth.clients import User
from sandbox.ehr.hospital import Hospital

COOKIE = "chart"
_MOST_BYTES = 10_000
Endpoint = Callable[[Request], Awaitable[Response]]


class NotSignedIn(Exception):
    """The request is of nobody's session."""


class NotHere(Exception):
    """There is no such patient, study, image or file."""


class Misshapen(Exception):
    """The body is not what the page sends."""


class Desk:
    """The state of one hospital's chart pages."""

    def __init__(
        self,
        hospital: Hospital,
        *,
        launch_url: Callable[[], str],
        users: tuple[User, ...],
        app_name: str,
        stories: Mapping[str, str],
        now: Callable[[], datetime],
    ) -> None:
        """See `sandbox.chart.routes.chart_routes`."""
        self.hospital = hospital
        self.launch_url = launch_url
        self.users = users
        self.sessions = Sessions()
        self.misbehaviour = Misbehaviour(hospital)
        self.pictures = Pictures()
        self.held = held_by(hospital)
        self.pages = Pages(app_name)
        self.now = now
        self._stories = stories

    def signed_in(self, request: Request) -> SignedIn:
        """Whose request it is.

        Raises:
            NotSignedIn: nobody's.
        """
        found = self.sessions.of(request.cookies.get(COOKIE))
        if found is None:
            raise NotSignedIn
        return found

    def acting(self, request: Request, token: str | None = None) -> SignedIn:
        """Who asks for a change; `token` is that of a form, else the header's counts.

        Raises:
            NotSignedIn: nobody.
            Forbidden: another site's page, or without the token of the session.
        """
        require_same_origin(request, self.hospital.origin)
        found = self.signed_in(request)
        require_token(token if token is not None else request.headers.get(CSRF_HEADER), found)
        return found

    def frame(self, signed_in: SignedIn) -> Frame:
        """What stands around a page."""
        return Frame(signed_in, self.misbehaviour.plan, self.now())

    def chart(self, request: Request) -> Chart:
        """The chart of the patient in the path.

        Raises:
            NotHere: there is no such patient.
        """
        patient = str(request.path_params["patient"])
        chart = record_of(self.hospital.store, patient) if ID.fullmatch(patient) else None
        if chart is None:
            raise NotHere
        return chart

    def rows(self) -> tuple[Listed, ...]:
        """The patient list."""
        return patient_list(self.hospital.store, self._stories, self.now())

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint with every answer's headers, a refusal's too."""

        async def answer(request: Request) -> Response:
            response = await self._answered(endpoint, request)
            for name, value in headers_for(self.launch_url()).items():
                response.headers.setdefault(name, value)
            return response

        return answer

    async def _answered(self, endpoint: Endpoint, request: Request) -> Response:
        try:
            return await endpoint(request)
        except NotSignedIn:
            return RedirectResponse("/", 303) if request.method == "GET" else self._refused(request, 401, "You are not signed in.")
        except Forbidden:
            return self._refused(request, 403, "This was not asked by a page of the hospital.")
        except NotHere:
            return self._refused(request, 404, "The hospital has nothing here.")
        except Misshapen:
            return self._refused(request, 400, "The hospital does not understand what was asked.")

    def _refused(self, request: Request, status: int, words: str) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(self.pages.refused(words, "Nothing was changed."), status)
        return JSONResponse({"detail": words}, status)


async def json_body(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body.

    Raises:
        Misshapen: another media type, too long, or no JSON object.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Misshapen
    body = await request.body()
    if len(body) > _MOST_BYTES:
        raise Misshapen
    try:
        check(body)
        return loads(body)
    except RecordError as error:
        raise Misshapen from error


async def form_body(request: Request) -> dict[str, str]:
    """The fields of a form; of a field that stands there twice the last.

    Raises:
        Misshapen: another media type.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise Misshapen
    async with request.form() as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}
