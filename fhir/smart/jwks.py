"""A server's public keys, fetched seldom: once an hour, and once in five minutes at most however many unknown keys are named.

RFC 7517. A key set that cannot be had is replaced by the last one for a few hours, and then by nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir.errors import KeysUnavailable, RecordError
from fhir.smart.clock import Clock
from fhir.smart.jwk import key_of
from fhir.smart.questions import answered, document, json_of
from fhir.wire.wire import Wire

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, RSAKey

FRESH = 3600.0
"""Seconds a key set is used without asking again."""
STALE = 4 * 3600.0
"""Seconds a key set is used at most, when no newer one can be had."""
PAUSE = 300.0
"""Seconds between two questions, while there is a key set to use."""
_MOST = 100


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signs. `alg` is what the server says it is for, if it says so."""

    key: RSAKey | ECKey
    kid: str | None
    alg: str | None


@dataclass(frozen=True, slots=True)
class _Held:
    keys: tuple[PublicKey, ...] = ()
    fetched: float | None = None
    asked: float | None = None


class Keys:
    """Key sets by their URL, kept in memory."""

    def __init__(self, wire: Wire, clock: Clock = time.time) -> None:
        """Nothing is asked yet."""
        self._wire, self._clock = wire, clock
        self._held: defaultdict[str, _Held] = defaultdict(_Held)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def named(self, jwks_uri: str, kid: str | None, *, labelled: bool = True) -> PublicKey | None:
        """The key of that id; without an id, the only key, if there is exactly one. None when the server has no such key.

        Raises:
            KeysUnavailable: the key set cannot be had, and what is held is too old.
        """
        async with self._locks[jwks_uri]:
            held = self._held[jwks_uri]
            if not self._younger(held.fetched, FRESH) or _pick(held.keys, kid) is None:
                held = await self._newer(jwks_uri, held, labelled=labelled)
        if not self._younger(held.fetched, STALE):
            raise KeysUnavailable("the server's public keys cannot be had")
        return _pick(held.keys, kid)

    def _younger(self, moment: float | None, seconds: float) -> bool:
        return moment is not None and 0 <= self._clock() - moment < seconds

    async def _newer(self, jwks_uri: str, held: _Held, *, labelled: bool) -> _Held:
        """What the server has now; what was held, when it was asked a moment ago or has nothing to say."""
        if self._younger(held.asked, PAUSE) and self._younger(held.fetched, STALE):
            return held
        now = self._clock()
        self._held[jwks_uri] = _Held(held.keys, held.fetched, now)
        try:
            answer = await answered(self._wire, document(jwks_uri), KeysUnavailable)
            if answer.status == 200:
                self._held[jwks_uri] = _Held(key_set(json_of(answer, KeysUnavailable, labelled=labelled)), now, now)
        except RecordError:
            pass  # what is held serves on, for as long as it may
        return self._held[jwks_uri]


def _pick(keys: tuple[PublicKey, ...], kid: str | None) -> PublicKey | None:
    """The key of an id, or the only one. Two of one id are nobody's: which of them signed cannot be told."""
    found = keys if kid is None else tuple(key for key in keys if key.kid == kid)
    return found[0] if len(found) == 1 else None


def key_set(body: Mapping[str, Any]) -> tuple[PublicKey, ...]:
    """The keys of a JWK Set that can sign an id_token; whatever else it holds is passed over (RFC 7517 5).

    Raises:
        KeysUnavailable: it is no key set.
    """
    keys = body.get("keys")
    if not isinstance(keys, list):
        raise KeysUnavailable("the server's key set is not one")
    read = (_public(one) for one in keys[:_MOST] if isinstance(one, dict))
    return tuple(key for key in read if key is not None)


def _public(body: Mapping[str, Any]) -> PublicKey | None:
    """None for what is no RSA or EC key for signatures, is weak, or has been published with its private half."""
    kid, alg = body.get("kid"), body.get("alg")
    if body.get("use", "sig") != "sig" or "d" in body or not _named(kid) or not _named(alg):
        return None
    key = key_of(body)
    return None if key is None else PublicKey(key, kid, alg)


def _named(value: object) -> bool:
    return value is None or isinstance(value, str)
