"""What a token endpoint answers, read so that whatever is missing or odd is a refusal and never a guess (RFC 6749 5; App Launch 2.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fhir.errors import TokenInvalid, TokenRefused
from fhir.smart.issuers import Issuer
from fhir.smart.questions import answered, form, json_of
from fhir.smart.quirks import Quirk
from fhir.smart.scopes import Scopes, granted
from fhir.wire.exchange import Answer
from fhir.wire.wire import Wire

REFUSALS = frozenset(
    {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}
)
"""RFC 6749 5.2. Another word of a server's is not repeated."""
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
_LONGEST_TOKEN = 16 * 1024
_LONGEST_LIFE = 366 * 86_400
_EARLY = 30.0


@dataclass(frozen=True, slots=True)
class Tokens:
    """What was granted. Nothing secret and nothing of the patient is in its repr."""

    access_token: str = field(repr=False)
    scopes: Scopes
    expires_at: float | None
    """Seconds since 1970 by our clock; None when the server does not say."""
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The whole answer without its tokens: `fhir.smart.context` reads it."""

    def due(self, now: float) -> float | None:
        """When it is time for another: 30 seconds before its end, or a tenth of its life where that is less; None without an end."""
        return None if self.expires_at is None else self.expires_at - min(_EARLY, (self.expires_at - now) / 10)


def tokens(answer: Answer, asked: Scopes, now: float, quirks: frozenset[Quirk] = frozenset()) -> Tokens:
    """Read the answer to a token request. `asked` is what an absent `scope` stands for, where a quirk allows it.

    Raises:
        TokenRefused: the server says no.
        TokenInvalid: no access token, not a bearer token, no scope, or an element of another type than it should have.
    """
    if answer.status != 200:
        raise TokenRefused("the token endpoint refused", error=_refusal(answer))
    body = json_of(answer, TokenInvalid)
    kind = body.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise TokenInvalid("the token response does not say that it holds a bearer token")
    return Tokens(
        access_token=_token(body, "access_token", required=True) or "",
        scopes=_scopes(body, asked, quirks),
        expires_at=_end(body, now, quirks),
        refresh_token=_token(body, "refresh_token"),
        id_token=_token(body, "id_token"),
        body={name: value for name, value in body.items() if name not in ("access_token", "refresh_token", "id_token")},
    )


def _refusal(answer: Answer) -> str:
    try:
        code = json_of(answer, TokenInvalid).get("error")
    except TokenInvalid:
        return ""
    return code if isinstance(code, str) and code in REFUSALS else ""


def _token(body: Mapping[str, Any], name: str, *, required: bool = False) -> str | None:
    """A token: a text that a header can carry. A refresh token may hold any printable character (RFC 6749 A.17)."""
    value = body.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TOKEN:
        raise TokenInvalid(f"`{name}` is missing or not a text of a sane length")
    if not (value.isascii() and value.isprintable() if name == "refresh_token" else _BEARER.fullmatch(value)):
        raise TokenInvalid(f"`{name}` holds characters that no token has")
    return value


def _scopes(body: Mapping[str, Any], asked: Scopes, quirks: frozenset[Quirk]) -> Scopes:
    text = body.get("scope")
    if text is None and Quirk.SCOPE_ABSENT in quirks:
        return asked
    return scopes_in(text, "token response")


def scopes_in(text: object, where: str) -> Scopes:
    """The element `scope` of a server's answer, which `where` names.

    Raises:
        TokenInvalid: it is missing or empty, or holds characters that no scope has.
    """
    if not isinstance(text, str) or not text.strip():
        raise TokenInvalid(f"the {where} does not say which scopes were granted")
    try:
        return granted(text)
    except ValueError:
        raise TokenInvalid(f"the scopes of the {where} hold characters that no scope has") from None


def _end(body: Mapping[str, Any], now: float, quirks: frozenset[Quirk]) -> float | None:
    life = body.get("expires_in")
    if life is None:
        return None
    if Quirk.EXPIRES_IN_TEXT in quirks and isinstance(life, str) and life.isascii() and life.isdecimal() and len(life) < 10:
        life = int(life)
    if not isinstance(life, int) or isinstance(life, bool) or not 0 < life <= _LONGEST_LIFE:
        raise TokenInvalid("`expires_in` is not a sane number of seconds")
    return now + life


async def requested(wire: Wire, endpoint: str, issuer: Issuer, fields: Mapping[str, str], *, asked: Scopes, now: float) -> Tokens:
    """Ask a token endpoint once, proving who we are, and read its answer.

    Raises:
        TokenRefused: it says no.
        TokenInvalid: see `tokens`.
        Unreachable: there is no answer. Whether the request was granted is then not known.
    """
    proof = issuer.client.prove(endpoint, now, issuer.quirks)
    answer = await answered(wire, form(endpoint, {**fields, **proof.fields}, proof.headers), TokenInvalid)
    return tokens(answer, asked, now, issuer.quirks)
