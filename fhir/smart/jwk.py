"""Keys as JSON (RFC 7517): RSA of 2048 bits or more, and elliptic curves; read by the names of their members and by nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, RSAKey

PUBLIC: Mapping[str, tuple[str, ...]] = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}
"""The members of a public key by its kind; whatever else a JWK holds may be secret."""
PRIVATE = ("d", "p", "q", "dp", "dq", "qi")
LEAST_RSA_BITS = 2048


def key_of(body: Mapping[str, Any], *, private: bool = False) -> RSAKey | ECKey | None:
    """The key, or its public half where `private` is false; None for what is no such key, or too weak an RSA one."""
    from joserfc.errors import JoseError, SecurityWarning
    from joserfc.jwk import ECKey, RSAKey

    kind = body.get("kty")
    if not isinstance(kind, str) or kind not in PUBLIC:
        return None
    members = {name: body[name] for name in (*PUBLIC[kind], *(PRIVATE if private else ())) if name in body}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # of weak keys, which are refused below
            key = (RSAKey if kind == "RSA" else ECKey).import_key(members)
            strong = kind == "EC" or key.public_key.key_size >= LEAST_RSA_BITS
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return key if strong else None


def public_half(key: RSAKey | ECKey) -> dict[str, str]:
    """Its public members, picked by name and not by leaving out."""
    body = key.as_dict(private=False)
    return {name: str(body[name]) for name in PUBLIC[key.key_type]}
