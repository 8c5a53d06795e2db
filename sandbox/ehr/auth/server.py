"""The authorization server's state, and the one door through which everything of it is used."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.ehr.auth.answer import id_token, introspection, token_answer
from sandbox.ehr.auth.authentication import Clients
from sandbox.ehr.auth.authorize import back_to_app, bounded
from sandbox.ehr.auth.clients import User
from sandbox.ehr.auth.exchange import for_backend_service, for_code, for_refresh_token
from sandbox.ehr.auth.grants import Approval, AuthorizationRequest, Context, Grant, Launch, Messaging
from sandbox.ehr.auth.keys import SigningKeys
from sandbox.ehr.auth.launches import Codes, Launches
from sandbox.ehr.auth.refusal import OAuthRefusal
from sandbox.ehr.auth.tokens import TokenBook
from sandbox.ehr.config import Config

Decide = Callable[[Request, AuthorizationRequest], Awaitable[Approval | Response]]
"""Who says yes: an `Approval` at once, or a page on which a person can say it and which later calls `complete` or `deny`."""


class AuthorizationServer:
    """Clients, launches, codes, tokens and keys of one hospital. `origin` is set by whoever binds the port."""

    def __init__(self, config: Config) -> None:
        """A server that approves every sound request as the first user; set `decide` to put a person there."""
        self.origin = "http://127.0.0.1"
        self.now: Callable[[], float] = time.time
        """A test may set it ahead, to see things expire."""
        self.config = config
        self.clients = Clients(config.clients, tolerates_client_id=config.tolerates_client_id)
        self.keys = SigningKeys()
        self.launches = Launches(self._now)
        self.codes = Codes(self._now, config.code_seconds)
        self.tokens = TokenBook(self._now)
        self.standalone = Context()
        """What a person picks in a standalone launch while there is no page to pick on."""
        self.decide: Decide = self._approve

    def _now(self) -> float:
        return self.now()

    @property
    def base(self) -> str:
        """The FHIR base: the issuer, and what `aud` must say."""
        return f"{self.origin}/fhir"

    @property
    def url(self) -> str:
        """Under which the endpoints are."""
        return f"{self.origin}/auth"

    def mint_launch(
        self,
        *,
        patient: str | None = None,
        encounter: str | None = None,
        fhirContext: Sequence[Mapping[str, Any]] = (),
        need_patient_banner: bool | None = None,
        intent: str | None = None,
        tenant: str | None = None,
        smart_web_messaging: Messaging | None = None,
        user: User | None = None,
    ) -> str:
        """A handle for an EHR launch: send it to the app as `launch`, beside `iss`. `user` is signed in to the chart that launches."""
        context = Context(patient, encounter, tuple(fhirContext), need_patient_banner, intent, tenant, smart_web_messaging)
        return self.launches.mint(Launch(context, user))

    def sign_out(self, user: User) -> None:
        """A person leaves the EHR: handles and codes are void, and tokens revoked, but for a grant of `offline_access` (SMART, scopes)."""
        self.launches.forget(user)
        self.codes.forget(user)
        self.tokens.sign_out(user)

    def issue(self, scope: str, *, client_id: str = "sandbox", patient: str | None = None, seconds: int = 3600) -> str:
        """An access token without a launch, for a test that is about something else."""
        scopes = tuple(scope.split())
        return self.tokens.issue(Grant(client_id, scopes, context=Context(patient)), scopes, seconds).token

    async def _approve(self, request: Request, asked: AuthorizationRequest) -> Approval | Response:
        return Approval(asked.user or self.config.users[0])

    def complete(self, asked: AuthorizationRequest, approval: Approval) -> Response:
        """The redirect with a code, once a person has approved."""
        context = approval.context or (asked.context if asked.launched else self._picked(asked))
        chosen = asked.scopes if approval.scopes is None else tuple(each for each in asked.scopes if each in approval.scopes)
        scopes = bounded(chosen, context)
        if not scopes:
            return self.deny(asked)
        grant = Grant(asked.client_id, scopes, approval.user, context, asked.nonce)
        code = self.codes.mint(grant, asked.redirect_uri, asked.code_challenge)
        return back_to_app(asked.redirect_uri, {"code": code, "state": asked.state})

    def _picked(self, asked: AuthorizationRequest) -> Context:
        """Of what a person would pick only what the scopes ask for."""
        picked = self.standalone
        patient = picked.patient if "launch/patient" in asked.scopes else None
        encounter = picked.encounter if "launch/encounter" in asked.scopes else None
        return replace(picked, patient=patient, encounter=encounter)

    def deny(self, asked: AuthorizationRequest) -> Response:
        """The redirect that tells the app that the person said no, or that nothing could be granted."""
        answer = {"error": "access_denied", "error_description": "nothing was granted", "state": asked.state}
        return back_to_app(asked.redirect_uri, answer)

    def exchange(self, form: Mapping[str, str], authorization: str | None) -> dict[str, Any]:
        """Answer a token request.

        Raises:
            OAuthRefusal: as RFC 6749, 5.2 has it.
        """
        kind = form.get("grant_type")
        if kind == "refresh_token" and authorization is None:
            form = self._named_by_its_token(form)
        client = self.clients.authenticate(form, authorization, (f"{self.url}/token",), self.now())
        refresh: str | None = None
        if kind == "authorization_code":
            issued, refresh = for_code(client, form, self.codes, self.tokens, self.config.token_seconds)
        elif kind == "refresh_token":
            issued, refresh = for_refresh_token(client, form, self.tokens, self.config.token_seconds)
        elif kind == "client_credentials":
            issued = for_backend_service(client, form, self.tokens)
        else:
            raise OAuthRefusal("invalid_request" if kind is None else "unsupported_grant_type", "grant_type is missing or not offered")
        body = token_answer(issued, refresh, f"{self.url}/smart-style.json" if self.config.smart_style_url else None)
        signed = id_token(issued.grant, self.keys, self.base, self.now()) if kind == "authorization_code" else None
        return body | ({"id_token": signed} if signed is not None else {})

    def _named_by_its_token(self, form: Mapping[str, str]) -> Mapping[str, str]:
        """A public client need not say who it is when it refreshes: the token does (RFC 6749, 6; SMART App Launch 2.2.0, refresh)."""
        holder = self.tokens.holder(form.get("refresh_token", ""))
        client = self.clients.get(holder)
        public = holder is not None and client is not None and client.kind == "public"
        return {"client_id": holder, **form} if public and holder is not None else form

    def revoke(self, form: Mapping[str, str], authorization: str | None) -> None:
        """Revoke a token on its client's word (RFC 7009); a token that is not known is revoked already.

        Raises:
            OAuthRefusal: invalid_client, invalid_request, unauthorized_client.
        """
        audiences = (f"{self.url}/token", f"{self.url}/revoke")
        client = self.clients.authenticate(form, authorization, audiences, self.now())
        if "token" not in form:
            raise OAuthRefusal("invalid_request", "token is missing")
        self.tokens.revoke_token(form["token"], client.client_id)

    def introspect(self, form: Mapping[str, str], authorization: str | None) -> dict[str, Any]:
        """Say what a token is worth, to a confidential client it was issued to, or one that may ask about all.

        Raises:
            OAuthRefusal: invalid_client, invalid_request.
        """
        audiences = (f"{self.url}/token", f"{self.url}/introspect")
        client = self.clients.authenticate(form, authorization, audiences, self.now())
        if client.kind == "public":
            raise OAuthRefusal("invalid_client", "introspection needs an authenticated client", 401)
        if "token" not in form:
            raise OAuthRefusal("invalid_request", "token is missing")
        issued = self.tokens.find(form["token"])
        if issued is None or not (client.introspects or issued.grant.client_id == client.client_id):
            return {"active": False}
        return introspection(issued, self.base)
