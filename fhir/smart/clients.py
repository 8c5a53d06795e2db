"""How we prove to a token endpoint who we are: not at all, by a shared secret, or by a signature (App Launch 2.2)."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol
from urllib.parse import quote_plus

from fhir.errors import RecordError, RegistrationInvalid
from fhir.smart.jwk import key_of, public_half
from fhir.smart.questions import strict
from fhir.smart.quirks import Quirk

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, RSAKey

LIFE = 240
"""Seconds an assertion lives: the standard allows 300 by the server's clock, which may be a minute behind ours."""
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Capability = Literal["client-public", "client-confidential-symmetric", "client-confidential-asymmetric"]


@dataclass(frozen=True, slots=True)
class Proof:
    """What is added to a token request."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)


class Client(Protocol):
    """A registration at one server. Implementations: `PublicClient`, `SecretClient`, `KeyClient`."""

    @property
    def client_id(self) -> str:
        """The id the server gave us."""
        ...

    @property
    def capability(self) -> Capability:
        """What the server must be able to do to know this kind of client."""
        ...

    def prove(self, token_endpoint: str, now: float, quirks: frozenset[Quirk]) -> Proof:
        """What proves it, made for one request to the token endpoint."""
        ...


@dataclass(frozen=True, slots=True)
class PublicClient:
    """One that can keep no secret: it names itself, and PKCE alone protects the code."""

    client_id: str
    capability: ClassVar[Capability] = "client-public"

    def prove(self, token_endpoint: str, now: float, quirks: frozenset[Quirk]) -> Proof:
        """See `Client`."""
        return Proof(fields={"client_id": self.client_id})


@dataclass(frozen=True, slots=True)
class SecretClient:
    """A confidential client with a shared secret, sent by Basic (RFC 6749 2.3.1)."""

    client_id: str
    secret: str = field(repr=False)
    capability: ClassVar[Capability] = "client-confidential-symmetric"

    def __post_init__(self) -> None:
        """Refuse what no header can carry.

        Raises:
            RegistrationInvalid: the secret is empty, or holds a line break or another control character.
        """
        if not self.secret or not self.secret.isprintable():
            raise RegistrationInvalid("the client secret is empty or holds control characters, such as the line break of its file")

    def prove(self, token_endpoint: str, now: float, quirks: frozenset[Quirk]) -> Proof:
        """See `Client`."""
        named = {"client_id": self.client_id} if Quirk.CLIENT_ID_IN_BODY in quirks else {}
        if Quirk.SECRET_IN_BODY in quirks:
            return Proof(fields={"client_id": self.client_id, "client_secret": self.secret})
        return Proof({"Authorization": f"Basic {self._basic(quirks)}"}, named)

    def _basic(self, quirks: frozenset[Quirk]) -> str:
        if Quirk.SECRET_UNENCODED not in quirks:
            pair = f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}"
        elif ":" in self.client_id:
            raise RegistrationInvalid("a client id with a colon cannot be sent unencoded")
        else:
            pair = f"{self.client_id}:{self.secret}"
        return base64.b64encode(pair.encode("utf-8")).decode("ascii")


@dataclass(frozen=True, slots=True)
class KeyClient:
    """A confidential client that signs an assertion with its private key (`private_key_jwt`; RS384 or ES384)."""

    client_id: str
    key: RSAKey | ECKey = field(repr=False)
    kid: str
    algorithm: Literal["RS384", "ES384"]
    jwks_url: str | None = None
    """Where the public half is served, when it was registered so: it becomes the header `jku`."""
    capability: ClassVar[Capability] = "client-confidential-asymmetric"

    def prove(self, token_endpoint: str, now: float, quirks: frozenset[Quirk]) -> Proof:
        """See `Client`. `jti` is new each time, `aud` the endpoint as the server wrote it."""
        from joserfc import jwt

        header = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT", **({"jku": self.jwks_url} if self.jwks_url else {})}
        claims: dict[str, Any] = {"iss": self.client_id, "sub": self.client_id, "aud": token_endpoint}
        claims |= {"exp": int(now) + LIFE, "jti": secrets.token_urlsafe(24)}
        signed = jwt.encode(header, claims, self.key, algorithms=[self.algorithm])
        named = {"client_id": self.client_id} if Quirk.CLIENT_ID_IN_BODY in quirks else {}
        return Proof(fields={"client_assertion_type": _ASSERTION, "client_assertion": signed, **named})


def key_client(client_id: str, private_jwk: bytes, jwks_url: str | None = None) -> KeyClient:
    """A client that signs with a private key given as the JSON text of one JWK (RFC 7517): RSA of 2048 bits or more, or EC P-384.

    Raises:
        RegistrationInvalid: it is no such key, has no `kid`, is meant for something else, or is a public one.
    """
    body = _jwk(private_jwk)
    kid, algorithm = body.get("kid"), "ES384" if body["kty"] == "EC" else "RS384"
    if not isinstance(kid, str) or not kid:
        raise RegistrationInvalid("the private key has no `kid`, by which the server finds its public half")
    if body.get("alg", algorithm) != algorithm or body.get("use", "sig") != "sig":
        raise RegistrationInvalid("the private key is meant for something else: it must sign by RS384 or ES384")
    key = key_of(body, private=True)
    if key is None or (key.key_type == "EC" and body["crv"] != "P-384"):
        raise RegistrationInvalid("the private key cannot be read as a JWK of RSA with 2048 bits or more, or of EC P-384")
    return KeyClient(client_id, key, kid, algorithm, jwks_url)  # type: ignore[arg-type]  # one of the two by the line above


def _jwk(text: bytes) -> dict[str, Any]:
    try:
        body = strict(text)
    except RecordError:
        raise RegistrationInvalid("the private key is not the JSON text of one JWK") from None
    if body.get("kty") not in ("RSA", "EC"):
        raise RegistrationInvalid("the private key must be RSA or EC, as one JWK and not a set of them")
    if not isinstance(body.get("d"), str):
        raise RegistrationInvalid("the key has no private half")
    return body


def public_jwks(clients: Iterable[KeyClient]) -> dict[str, list[dict[str, str]]]:
    """The key set that a door serves to authorization servers: public halves alone."""
    return {"keys": [{**public_half(client.key), "kid": client.kid, "use": "sig", "alg": client.algorithm} for client in clients]}
