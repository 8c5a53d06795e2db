"""Who is registered at the pretend hospital: client applications and people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ClientKind = Literal["public", "confidential-symmetric", "confidential-asymmetric"]


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client. `scopes` is the most it is ever granted, whatever it asks for."""

    client_id: str
    kind: ClientKind
    scopes: str
    redirect_uris: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)
    """Of a confidential-symmetric client."""
    jwks: Mapping[str, Any] | None = field(default=None, repr=False)
    """Public keys of a confidential-asymmetric client."""
    jku: str | None = None
    """Where the client says its keys are; an assertion that names another place is refused."""
    introspects: bool = False
    """Whether it may introspect tokens that were not issued to it."""
    name: str = ""
    """How people call it; what the consent page shows."""
    trusted: bool = False
    """Whether the hospital has consented for its people: an EHR launch of somebody who is signed in asks nothing more."""


@dataclass(frozen=True, slots=True)
class User:
    """A person who logs in: `sub`, the `fhirUser` resource as a relative reference, and the name on the sign-in page."""

    sub: str
    fhir_user: str
    name: str = ""
