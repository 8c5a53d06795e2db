"""How a pretend hospital behaves: everything a test or a demo may choose."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.ehr.auth.clients import Client, User
from sandbox.ehr.match import PatientForm


@dataclass(frozen=True, slots=True)
class BulkConfig:
    """Bulk Data: how long an export takes and how the server minds being polled."""

    polls: int = 1
    """Status requests answered with 202 before the export is ready."""
    retry_after: int = 0
    """Seconds that a 202 or 429 asks to wait."""
    least_seconds_between_polls: float = 0.0
    """A status request that comes sooner after the last one gets 429; 0 for no limit."""
    resources_a_file: int = 1000
    needs_token: bool = True
    """Whether files need the access token, where the hospital needs one at all (`requiresAccessToken`)."""


@dataclass(frozen=True, slots=True)
class Config:
    """A pretend hospital."""

    page_size: int = 50
    """Matches a page where a search does not say `_count`."""
    most_per_page: int = 500
    """What `_count` is lowered to."""
    patient_form: PatientForm = "either"
    """Which form of `patient=` finds anything: `p1` (bare), `Patient/p1` (typed), or either."""
    gives_total: bool = True
    """Whether a searchset tells `total` unasked; `_total=accurate` always gets it."""
    everything: bool = True
    """Whether `Patient/[id]/$everything` is offered."""
    without: frozenset[str] = frozenset()
    """Types the server does not offer at all."""
    validates: bool = False
    """Whether a written resource must be valid by its model (422 if not); else only its type and id are looked at."""
    requires_if_match: bool = False
    """Whether an update without If-Match is refused."""
    requires_token: bool = False
    """Whether FHIR requests need an access token."""
    clients: tuple[Client, ...] = ()
    users: tuple[User, ...] = (User("dr-sandbox", "Practitioner/dr-sandbox"),)
    """Who may log in; the first one approves authorization requests where there is no login page."""
    asks: bool = False
    """Whether a person signs in and consents on pages; else the first user approves every sound request at once."""
    cors_origins: tuple[str, ...] = ("*",)
    """Origins whose scripts may ask the endpoints, letter for letter; `*` for all. Never with cookies: there are none."""
    smart_style_url: bool = True
    """Whether token answers name a style sheet."""
    tolerates_client_id: bool = False
    """Whether a confidential client may send its `client_id` beside its proof, against SMART App Launch 2.2.0."""
    code_seconds: int = 60
    token_seconds: int = 3600
    bulk: BulkConfig = field(default_factory=BulkConfig)
