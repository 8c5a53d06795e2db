"""Proof Key for Code Exchange (RFC 7636), with S256 alone: whoever steals a code cannot use it."""

from __future__ import annotations

import base64
import hashlib
import secrets

METHOD = "S256"
"""`plain` would put the verifier itself into the browser's address line."""


def new_verifier() -> str:
    """A `code_verifier` for one launch: 86 unreserved characters with 512 bits of chance (RFC 7636 4.1 asks for 43 to 128)."""
    return secrets.token_urlsafe(64)


def challenge(verifier: str) -> str:
    """The `code_challenge` of a verifier by S256 (RFC 7636 4.2).

    >>> challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    """
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")
