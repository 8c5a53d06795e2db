"""What was agreed with a client: the frozen data that codes and tokens stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.ehr.auth.clients import User


@dataclass(frozen=True, slots=True)
class Messaging:
    """Where the app may post messages: the EHR's origin, and the handle it knows the launch by (SMART Web Messaging 1.0.0)."""

    origin: str
    handle: str


@dataclass(frozen=True, slots=True)
class Context:
    """The context a launch brings (SMART App Launch 2.2.0, launch-context-arrives)."""

    patient: str | None = None
    encounter: str | None = None
    fhir_context: tuple[Mapping[str, Any], ...] = ()
    need_patient_banner: bool | None = None
    intent: str | None = None
    tenant: str | None = None
    messaging: Messaging | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """What a launch handle stands for: its context, and the user who is signed in to the chart it came from."""

    context: Context = Context()
    user: User | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may do what for whom. A grant without a user is a backend service's own."""

    client_id: str
    scopes: tuple[str, ...]
    user: User | None = None
    context: Context = Context()
    nonce: str | None = None

    @property
    def outlasts_sign_out(self) -> bool:
        """Whether it holds while nobody is signed in (`offline_access`), or is nobody's session at all."""
        return "offline_access" in self.scopes or self.user is None


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A checked request at the authorization endpoint: `scopes` are already narrowed to what the client may have."""

    client_id: str
    redirect_uri: str
    state: str
    code_challenge: str
    scopes: tuple[str, ...]
    context: Context
    """Of the EHR launch; empty for a standalone launch."""
    launched: bool
    """Whether it belongs to an EHR launch."""
    nonce: str | None = None
    user: User | None = None
    """Who is signed in to the chart that launched; None where somebody still has to sign in."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's yes. For a standalone launch `context` is what the person picked; None keeps the launch's own."""

    user: User
    context: Context | None = None
    scopes: tuple[str, ...] | None = None
    """A narrower choice than was asked."""
