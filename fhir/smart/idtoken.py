"""Who the user is: an id_token, believed after its signature and every claim were checked (OpenID Connect Core 3.1.3.7; RFC 8725).

Algorithms are pinned, keys come from the server's registered key set alone, and joserfc's `decode` is never enough: it takes expired
tokens, so the claims are validated each time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fhir.errors import ClockSkewed, ElsewhereRefused, IdTokenInvalid, RecordError
from fhir.smart.clock import LEEWAY, require_fresh
from fhir.smart.jwks import Keys, PublicKey
from fhir.smart.questions import strict
from fhir.types import ID
from fhir.wire.origins import origin_of

if TYPE_CHECKING:
    from joserfc.jwt import JWTClaimsRegistry

ALGORITHMS = {"RS256": "sha256", "RS384": "sha384", "ES256": "sha256", "ES384": "sha384"}
"""What an id_token may be signed by, and the hash of `at_hash` then. No shared secret, and not `none`."""
_HEADER = frozenset({"alg", "kid", "typ", "cty", "x5t", "x5t#S256"})
"""What a header may hold. `jwk`, `jku`, `x5u` and `x5c` bring keys of their own; `crit` and `b64` change what is signed."""
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_USER = re.compile(r"(?:^|/)(Practitioner|PractitionerRole|Patient|RelatedPerson|Person)/([A-Za-z0-9.-]{1,64})$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Expected:
    """What an id_token must say to be ours."""

    issuer: str
    jwks_uri: str
    client_id: str
    nonce: str = field(repr=False)
    access_token: str = field(repr=False)
    labelled: bool = True
    """Whether the key set must come under JSON's media type."""


@dataclass(frozen=True, slots=True)
class User:
    """The person behind a session."""

    issuer: str
    sub: str = field(repr=False)
    fhir_user: str | None = field(repr=False)
    """A relative or absolute URL of a Practitioner, PractitionerRole, Patient, RelatedPerson or Person; None when not told."""
    patient: str | None = field(default=None, repr=False)
    """The claim `patient` that some servers add; compared with the launch, see `fhir.smart.quirks`."""


async def user(token: str, expected: Expected, keys: Keys, now: float) -> User:
    """Check an id_token, and read the user from it.

    Raises:
        IdTokenInvalid: see the class; nothing of the token is in the message.
        ClockSkewed: it was issued in the future, ended in the past, or was issued long ago though it has just been handed over.
        KeysUnavailable: the server's keys cannot be had.
    """
    header = _header(token)
    key = await keys.named(expected.jwks_uri, header.get("kid"), labelled=expected.labelled)
    if key is None or key.alg not in (None, header["alg"]):
        raise IdTokenInvalid("the id_token is signed by a key that the server does not publish for it")
    claims = _claims(token, header["alg"], key)
    _validate(claims, expected, now)
    _require_bound(claims, header["alg"], expected)
    return User(expected.issuer, claims["sub"], _fhir_user(claims.get("fhirUser")), _patient(claims.get("patient")))


def _header(token: str) -> Mapping[str, Any]:
    if _COMPACT.fullmatch(token) is None:
        raise IdTokenInvalid("the id_token is not a signed JWT")
    header = _part(token, 0)
    kid, algorithm = header.get("kid", ""), header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise IdTokenInvalid("the id_token is signed by an algorithm that is not allowed: RS256, RS384, ES256, ES384 are")
    if not header.keys() <= _HEADER or not isinstance(kid, str) or len(kid) > 200:
        raise IdTokenInvalid("the id_token's header brings a key or an extension, or an id that is none")
    return header


def _part(token: str, at: int) -> dict[str, Any]:
    """One part as a strict JSON object: of a claim given twice, two readers would believe different ones."""
    text = token.split(".")[at]
    try:
        return strict(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (RecordError, ValueError):
        raise IdTokenInvalid("the id_token's header or claims are not one strict JSON object") from None


def _claims(token: str, algorithm: str, key: PublicKey) -> Mapping[str, Any]:
    from joserfc import jwt
    from joserfc.errors import JoseError

    _part(token, 1)
    try:
        return jwt.decode(token, key.key, algorithms=[algorithm]).claims
    except (JoseError, ValueError, TypeError):
        raise IdTokenInvalid("the id_token's signature is not the server's") from None


def _validate(claims: Mapping[str, Any], expected: Expected, now: float) -> None:
    from joserfc.errors import ExpiredTokenError, JoseError

    try:
        _registry(expected, now).validate(dict(claims))
    except ExpiredTokenError:
        raise ClockSkewed("the id_token's end has passed though it was just handed over: one of the two clocks is wrong") from None
    except JoseError as error:
        if error.error == "invalid_claim" and _ahead(claims, now):
            raise ClockSkewed("the server's clock is ahead of this machine's clock: set one of them right") from None
        raise IdTokenInvalid("a claim of the id_token is missing, or is not what this launch expects") from None
    require_fresh(claims["iat"], now)


def _registry(expected: Expected, now: float) -> JWTClaimsRegistry:
    from joserfc.jwt import JWTClaimsRegistry

    return JWTClaimsRegistry(
        now=int(now),
        leeway=LEEWAY,
        iss={"essential": True, "value": expected.issuer},
        aud={"essential": True, "value": expected.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )


def _ahead(claims: Mapping[str, Any], now: float) -> bool:
    """Whether a claim that should lie in the past lies in the future."""
    return any(_number(claims.get(name)) and claims[name] > now + LEEWAY for name in ("iat", "nbf"))


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _require_bound(claims: Mapping[str, Any], algorithm: str, expected: Expected) -> None:
    """The nonce ties it to this launch, `at_hash` to the access token beside it; of several audiences the authorized party must be us.

    Raises:
        IdTokenInvalid: they are not bound so.
    """
    if not _same(claims.get("nonce"), expected.nonce):
        raise IdTokenInvalid("the id_token was not made for this launch")
    many = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if many else expected.client_id) != expected.client_id:
        raise IdTokenInvalid("the id_token was made for another client")
    if claims.get("at_hash") is not None and not _same(claims["at_hash"], _at_hash(expected.access_token, algorithm)):
        raise IdTokenInvalid("the id_token belongs to another access token")


def _same(given: object, wanted: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def _at_hash(access_token: str, algorithm: str) -> str:
    """The left half of the token's hash (OpenID Connect Core 3.1.3.6)."""
    digest = hashlib.new(ALGORITHMS[algorithm], access_token.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode("ascii")


def _fhir_user(value: object) -> str | None:
    """A URL of one of the five types, relative or absolute; other forms of it are refused, since a user nobody knows is no user."""
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 2000 or _USER.search(value) is None or not (_relative(value) or _absolute(value)):
        raise IdTokenInvalid("`fhirUser` is not a URL of a person")
    return value


def _relative(value: str) -> bool:
    return value.count("/") == 1


def _absolute(value: str) -> bool:
    try:
        origin_of(value)
    except ElsewhereRefused:
        return False
    return "?" not in value and "#" not in value


def _patient(value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and ID.fullmatch(value)):
        raise IdTokenInvalid("`patient` of the id_token is not a FHIR id")
    return value
