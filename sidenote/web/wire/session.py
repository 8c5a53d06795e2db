"""Beginning and ending a session: what the page asks when it is launched, and what it is told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from policies.evidence import Frozen

WINDOW = r"^[A-Za-z0-9_-]{22,86}$"


class LaunchAsked(Frozen):
    """A launch that the EHR asked for (`launch` given) or that we begin ourselves (`launch` absent)."""

    iss: str = Field(min_length=1, max_length=2_000)
    """The FHIR base, byte for byte as the EHR gave it."""
    launch: str | None = Field(None, max_length=8_000)
    window: str = Field(pattern=WINDOW)
    """A secret of this browser tab, made by the page: 128 random bits or more, base64url. The launch is bound to it, and a new
    launch with the same one ends the session that the tab had before."""


class LaunchBegun(Frozen):
    """Where to send the browser."""

    authorize_url: str


class SessionAsked(Frozen):
    """What the browser brought back from the EHR."""

    ehr: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")
    """The NAME in the callback's path."""
    query: str = Field(max_length=16_000)
    """The callback's query, without the question mark."""
    window: str = Field(pattern=WINDOW)


class OffView(Frozen):
    """Something that was asked for and not granted, in words."""

    what: str
    reach: Literal["part", "none"]


class Messaging(Frozen):
    """SMART Web Messaging, where the EHR offers it (`smart_web_messaging_origin`, `smart_web_messaging_handle`)."""

    origin: str
    handle: str


class SessionOpened(Frozen):
    """A session has begun, and its first review with it. `handle` is kept in the page's memory and nowhere else."""

    handle: str
    """Sent as `Authorization: Bearer HANDLE` with everything that follows."""
    expires_in: int
    """Seconds without a question after which it ends."""
    ehr: str
    """How people call the EHR."""
    user: str
    """Whom the EHR says is here, as a reference; empty where it does not say."""
    shows_banner: bool
    """Whether the page names the patient itself (`need_patient_banner` is not false)."""
    review_id: str
    """The review that began with the session; its events are at /api/reviews/ID/events."""
    off: tuple[OffView, ...]
    style: dict[str, str]
    """The EHR's style, each value checked for its shape (`smart_style_url`)."""
    messaging: Messaging | None = None
    may_decide: bool
    """Whether a person is known who can decide. Without one, drafts can be read and nothing else."""
    may_write: bool
    """Whether an approved draft is written to the EHR."""
    image_model: bool
    """Whether images are read here at all."""
    emergency: bool
    """Whether the EHR says that it gave emergency access: the page says so as long as the session lasts."""


class EhrChoice(Frozen):
    """An EHR that a person may choose for a standalone launch."""

    name: str
    title: str
    iss: str


class Problem(Frozen):
    """An error (RFC 9457 problem+json). `detail` never tells anything of a patient."""

    type: str
    title: str
    status: int
    detail: str = ""
    code: str
    retryable: bool = False
