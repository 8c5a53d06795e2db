"""Which client is calling: each kind in its own way and in no other (SMART App Launch 2.2.0, client authentication)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from urllib.parse import unquote_plus

from sandbox.ehr.auth.assertion import TYPE, issuer_of, verify_assertion
from sandbox.ehr.auth.clients import Client
from sandbox.ehr.auth.refusal import OAuthRefusal

_BASIC = {"WWW-Authenticate": 'Basic realm="sandbox"'}


class Clients:
    """The registered clients, and the assertions they have used."""

    def __init__(self, clients: tuple[Client, ...], *, tolerates_client_id: bool) -> None:
        """`tolerates_client_id`: whether a confidential client may also send its own id in the form."""
        self._clients = {client.client_id: client for client in clients}
        self._tolerates = tolerates_client_id
        self._used: dict[tuple[str, str], float] = {}

    def get(self, client_id: str | None) -> Client | None:
        """A client by its id."""
        return self._clients.get(client_id or "")

    def authenticate(self, form: Mapping[str, str], authorization: str | None, audiences: tuple[str, ...], now: float) -> Client:
        """The client that sent a form, proved in the way it is registered for.

        Raises:
            OAuthRefusal: invalid_client; invalid_request for two ways at once, or a form that names a client beside the proof.
        """
        proofs = [authorization is not None, "client_assertion" in form or "client_assertion_type" in form, "client_secret" in form]
        if sum(proofs) > 1:
            raise OAuthRefusal("invalid_request", "more than one way of client authentication")
        if authorization is not None:
            client = self._by_secret(authorization)
        elif proofs[1]:
            client = self._by_assertion(form, audiences, now)
        else:
            return self._public(form)
        named = form.get("client_id")
        if named is not None and (named != client.client_id or not self._tolerates):
            raise OAuthRefusal("invalid_request", "a confidential client leaves client_id out of the form")
        return client

    def _public(self, form: Mapping[str, str]) -> Client:
        client = self.get(form.get("client_id"))
        if client is None or client.kind != "public" or "client_secret" in form:
            raise OAuthRefusal("invalid_client", "the client is unknown, or must authenticate in the way it is registered for", 401)
        return client

    def _by_secret(self, authorization: str) -> Client:
        scheme, _, encoded = authorization.partition(" ")
        try:
            name, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name, colon, secret = "", "", ""
        client = self.get(unquote_plus(name))
        known = client is not None and client.kind == "confidential-symmetric" and scheme.lower() == "basic" and bool(colon)
        if client is None or not known or not hmac.compare_digest(unquote_plus(secret).encode(), client.secret.encode()):
            raise OAuthRefusal("invalid_client", "the client is unknown or its secret is wrong", 401, _BASIC)
        return client

    def _by_assertion(self, form: Mapping[str, str], audiences: tuple[str, ...], now: float) -> Client:
        if form.get("client_assertion_type") != TYPE or "client_assertion" not in form:
            raise OAuthRefusal("invalid_client", "client_assertion_type must be jwt-bearer", 401)
        client = self.get(issuer_of(form["client_assertion"]))
        if client is None or client.kind != "confidential-asymmetric":
            raise OAuthRefusal("invalid_client", "the client is unknown, or must authenticate in the way it is registered for", 401)
        jti, expires = verify_assertion(form["client_assertion"], client, audiences, now)
        self._used = {key: until for key, until in self._used.items() if until > now}
        if (client.client_id, jti) in self._used:
            raise OAuthRefusal("invalid_client", "the assertion was used before", 401)
        self._used[client.client_id, jti] = expires
        return client
