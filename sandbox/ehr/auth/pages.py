"""Signing in and consenting, as pages without scripts (SMART App Launch 2.2.0, obtain-authorization-code; RFC 6749, 4.1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.ehr.auth.asking import Asking, Waiting
from sandbox.ehr.auth.clients import User
from sandbox.ehr.auth.grants import Approval, AuthorizationRequest, Context
from sandbox.ehr.auth.picking import Choice, patients_for, picked, visits_of
from sandbox.ehr.auth.scopes import resource_scope
from sandbox.ehr.auth.words import in_words
from sandbox.ehr.negotiation import read_form
from sandbox.ehr.outcome import Refusal
from sandbox.ehr.pages.render import page, source_of, style

if TYPE_CHECKING:
    from sandbox.ehr.hospital import Hospital

Pairs = list[tuple[str, str]]
_SEE_OTHER = 303
"""How a form is answered by a redirect: with nothing of the form in it (RFC 9700, 4.12)."""


def page_routes(hospital: Hospital) -> list[BaseRoute]:
    """The forms' targets and the style sheet; with `Config(asks=True)` the authorization endpoint shows the pages from now on."""
    pages = Pages(hospital)
    if hospital.config.asks:
        hospital.auth.decide = pages.decide
    return [
        Route("/auth/sign-in", pages.sign_in, methods=["POST"]),
        Route("/auth/consent", pages.consent, methods=["POST"]),
        Route("/auth/hospital.css", pages.css, methods=["GET"]),
    ]


class Pages:
    """Ask who it is, then what may be done."""

    def __init__(self, hospital: Hospital) -> None:
        """Ask for a hospital's authorization server, about its patients."""
        self.hospital = hospital
        self.auth = hospital.auth
        self.asking = Asking(self._now)

    def _now(self) -> float:
        return self.auth.now()

    async def css(self, request: Request) -> Response:
        """The style sheet."""
        return style()

    async def decide(self, request: Request, asked: AuthorizationRequest) -> Approval | Response:
        """What the authorization endpoint does with a sound request (`auth.server.Decide`)."""
        if asked.user is None:
            return self._sign_in_page(asked)
        return self._approval(asked, asked.user) or self._consent_page(Waiting(asked, asked.user))

    async def sign_in(self, request: Request) -> Response:
        """Somebody says who it is."""
        form, waiting = await self._answer(request)
        user = next((each for each in self.hospital.config.users if ("user", each.sub) in form), None)
        if waiting is None or waiting.user is not None or user is None:
            return _stopped()
        approval = self._approval(waiting.asked, user)
        if approval is not None:
            return _to_app(self.auth.complete(waiting.asked, approval))
        return self._consent_page(Waiting(waiting.asked, user))

    async def consent(self, request: Request) -> Response:
        """Somebody allows, all or some of it, or denies."""
        form, waiting = await self._answer(request)
        if waiting is None or waiting.user is None:
            return _stopped()
        if ("decision", "allow") not in form:
            return _to_app(self.auth.deny(waiting.asked))
        ticked = tuple(value for name, value in form if name == "scope")
        context = self._context(waiting, dict(form), ticked)
        if isinstance(context, str):
            return self._consent_page(waiting, dict(form), ticked, context)
        # what the EHR has open is no choice of the person's: the launch itself brought it
        scopes = (*ticked, "launch")
        return _to_app(self.auth.complete(waiting.asked, Approval(waiting.user, context, scopes)))

    async def _answer(self, request: Request) -> tuple[Pairs, Waiting | None]:
        """What a form says, and the request it answers; None for a form that no page of ours sent, or for a page that was used."""
        try:
            form = await read_form(request)
        except Refusal:
            return [], None
        foreign = request.headers.get("origin", self.auth.origin) != self.auth.origin
        return form, None if foreign else self.asking.take(dict(form).get("token", ""))

    def _approval(self, asked: AuthorizationRequest, user: User) -> Approval | None:
        """Without asking, where the hospital has consented for its people; None where the person has to."""
        client = self.auth.clients.get(asked.client_id)
        return Approval(user) if asked.launched and client is not None and client.trusted else None

    def _context(self, waiting: Waiting, form: Mapping[str, str], ticked: tuple[str, ...]) -> Context | str:
        """What the EHR has open; in a standalone launch what was picked, of what the app may be told."""
        if waiting.asked.launched:
            return waiting.asked.context
        wanted = {name: value for name, value in form.items() if value and f"launch/{name}" in ticked}
        return picked(self.hospital.store, self._patients(waiting) if "launch/patient" in ticked else (), wanted)

    def _patients(self, waiting: Waiting) -> tuple[Choice, ...]:
        asked = waiting.asked
        if waiting.user is None or asked.launched or "launch/patient" not in asked.scopes:
            return ()
        return patients_for(self.hospital.store, waiting.user)

    def _name(self, client_id: str) -> str:
        client = self.auth.clients.get(client_id)
        return (client.name if client is not None else "") or client_id

    def _sign_in_page(self, asked: AuthorizationRequest) -> Response:
        users = [(each.sub, each.name or each.sub) for each in self.hospital.config.users]
        token = self.asking.put(Waiting(asked))
        return page("sign_in", answers_to=asked.redirect_uri, app=self._name(asked.client_id), token=token, users=users)

    def _consent_page(
        self, waiting: Waiting, form: Mapping[str, str] | None = None, ticked: tuple[str, ...] | None = None, problem: str = ""
    ) -> Response:
        asked, form, patients = waiting.asked, form or {}, self._patients(waiting)
        return page(
            "consent",
            400 if problem else 200,
            answers_to=asked.redirect_uri,
            app=self._name(asked.client_id),
            user=waiting.user and (waiting.user.name or waiting.user.sub),
            where=source_of(asked.redirect_uri),
            problem=problem,
            token=self.asking.put(waiting),
            patients=patients,
            patient=form.get("patient"),
            visits=visits_of(self.hospital.store, patients) if "launch/encounter" in asked.scopes else (),
            encounter=form.get("encounter"),
            scopes=[(each, in_words(each)) for each in sorted(asked.scopes, key=_data_first) if each != "launch"],
            ticked=asked.scopes if ticked is None else ticked,
        )


def _data_first(scope: str) -> bool:
    """What is read and written stands before what goes without saying."""
    return resource_scope(scope) is None


def _to_app(redirect: Response) -> Response:
    redirect.status_code = _SEE_OTHER
    return redirect


def _stopped() -> Response:
    return page("stopped", 400, reason="This page was answered already, is too old, or was not opened from here.")
