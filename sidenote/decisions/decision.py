"""A decision as it is kept: who decided what on which claim, bound to the very bytes that were shown."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

from sidenote.web.wire.decide import Action, WriteState

_CLINICIAN = re.compile(r"(?:https?://\S+/)?(?:Practitioner|PractitionerRole)/[A-Za-z0-9\-.]{1,64}", re.ASCII)


def is_clinician(user: str) -> bool:
    """Whether a user is one who can decide: somebody whom the EHR names as a Practitioner, and not as a patient or a relative.

    >>> is_clinician("Practitioner/d1"), is_clinician("Patient/p1"), is_clinician("")
    (True, False, False)
    """
    return _CLINICIAN.fullmatch(user) is not None


class Key(NamedTuple):
    """What a decision is on. There is one decision for a key, and there never is another."""

    ehr: str
    """Name of the EHR, which is the tenant."""
    review_id: str
    claim: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One person's word on one claim."""

    ehr: str
    review_id: str
    claim: str
    action: Action
    text: str = field(repr=False)
    """The words that stand: as shown, or those of the person who edited them."""
    reason: str = field(repr=False)
    """Of a rejection; empty otherwise."""
    by: str = field(repr=False)
    """Reference of the person, relative to the EHR's base where the person is there."""
    at: str
    """Instant, UTC, whole seconds: `2026-11-20T09:00:00Z`."""
    shown_sha256: str
    """Of the bytes of the review that were shown."""
    session: str
    """Id of the session, which is no secret."""
    record: str
    """Hash of the last line of the review's sealed flight record."""

    @property
    def key(self) -> Key:
        """What it is on."""
        return Key(self.ehr, self.review_id, self.claim)

    @property
    def digest(self) -> str:
        """SHA-256 of everything it says: what the graph is resumed with, instead of the words."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def says(self, other: Decision) -> bool:
        """Whether the other one is the same word of the same person on the same bytes, said at whatever time."""
        return (*self.key, self.action, self.text, self.reason, self.by, self.shown_sha256) == (
            *other.key,
            other.action,
            other.text,
            other.reason,
            other.by,
            other.shown_sha256,
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """What an approved decision puts into the EHR, made when it was taken: a later write sends these very resources."""

    patient: str
    """Bare id of the patient."""
    resource: str = field(repr=False)
    """JSON text of the preliminary resource."""
    provenance: str = field(repr=False)
    """JSON text of its Provenance, whose target is `urn:uuid:` until the resource has a place and a version."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A decision that stands, and how far its draft is."""

    decision: Decision
    write: WriteState
    written: tuple[str, ...] = field(default=(), repr=False)
    """References of what was written."""
    problem: str = ""
    """Code of what went wrong last."""
