"""What was agreed with a client: the frozen data that codes and tokens stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.ehr.auth.clients import User


@dataclass(frozen=True, slots=True)
class Context:
    """The context a launch brings (SMART App Launch 2.2.0, launch-context-arrives)."""

    patient: str | None = None
    encounter: str | None = None
    fhir_context: tuple[Mapping[str, Any], ...] = ()
    need_patient_banner: bool | None = None
    intent: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may do what for whom. A grant without a user is a backend service's own."""

    client_id: str
    scopes: tuple[str, ...]
    user: User | None = None
    context: Context = Context()
    nonce: str | None = None


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


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's yes. For a standalone launch `context` is what the person picked; None keeps the launch's own."""

    user: User
    context: Context | None = None
    scopes: tuple[str, ...] | None = None
    """A narrower choice than was asked."""
