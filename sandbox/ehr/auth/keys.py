"""The keys that sign id_tokens, as a JWK Set (RFC 7517)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from joserfc.jwk import RSAKey


@lru_cache(maxsize=8)
def _key(number: int) -> RSAKey:
    """One key a number and process: making one takes a twentieth of a second, and tests start many hospitals."""
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


class SigningKeys:
    """The current signing key, and the former ones that still verify."""

    def __init__(self) -> None:
        """Begin with one key."""
        self._numbers = [0]

    @property
    def current(self) -> RSAKey:
        """The key that signs."""
        return _key(self._numbers[-1])

    def rotate(self, *, keep_old: bool = True) -> None:
        """Sign with another key from now on; without `keep_old` the former ones verify no more."""
        new = self._numbers[-1] + 1
        self._numbers = [*self._numbers, new] if keep_old else [new]

    def jwks(self) -> dict[str, Any]:
        """The public keys."""
        return {"keys": [_key(number).as_dict(private=False) for number in self._numbers]}
