"""What comes with a token: the patient, the encounter and what else the EHR has open (App Launch 2.2, launch context)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fhir.errors import ElsewhereRefused, TokenInvalid
from fhir.types import ID
from fhir.wire.origins import origin_of

_REFERENCE = re.compile(r"(?P<type>[A-Z][A-Za-z]{1,63})/(?P<id>[A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?", re.ASCII)
_ORIGIN = re.compile(r"https?://[^/?#@A-Z]+", re.ASCII)
"""No path, no query, and in lower case: as a browser names the sender of a message."""
_MOST = 100
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of `fhirContext`. `role` is `launch` where the EHR gave none."""

    role: str
    type: str | None
    reference: str | None = field(default=None, repr=False)
    canonical: str | None = field(default=None, repr=False)
    identifier: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """The launch context. Whose chart it is is bound here, on the server's side, and never taken from a browser."""

    patient: str | None = field(repr=False)
    encounter: str | None = field(default=None, repr=False)
    items: tuple[Item, ...] = field(default=(), repr=False)
    need_patient_banner: bool | None = None
    intent: str | None = None
    tenant: str | None = None
    smart_style_url: str | None = field(default=None, repr=False)
    smart_web_messaging_origin: str | None = field(default=None, repr=False)
    """Whose page takes messages (SMART Web Messaging 1.0), as a browser writes an origin; None where it is none, or not private."""
    smart_web_messaging_handle: str | None = field(default=None, repr=False)
    """What goes with each message; None without an origin."""

    @property
    def shows_banner(self) -> bool:
        """Whether we name the patient ourselves: always, unless the EHR says that it does."""
        return self.need_patient_banner is not False

    def opened(self, type_: str, base: str) -> tuple[str, ...]:
        """Ids of the resources of a type that the EHR has open, such as the `ImagingStudy` to look at.

        Args:
            type_: A FHIR resource type.
            base: The FHIR base, for references that are absolute; one to another server is passed over.
        """
        prefix = base.removesuffix("/") + "/"
        found = (_REFERENCE.fullmatch((item.reference or "").removeprefix(prefix)) for item in self.items if item.role == "launch")
        return tuple(dict.fromkeys(one["id"] for one in found if one is not None and one["type"] == type_))


def launch_context(body: Mapping[str, Any]) -> LaunchContext:
    """Read the launch context of a token response. Elements that we do not know, and roles and types that nobody knows, pass.

    Raises:
        TokenInvalid: `patient` or `encounter` is given and is not a FHIR id.
    """
    style, messaging = _text(body, "smart_style_url"), _messaging(body)
    banner = body.get("need_patient_banner")
    return LaunchContext(
        patient=_id(body, "patient"),
        encounter=_id(body, "encounter"),
        items=_items(body.get("fhirContext")),
        need_patient_banner=banner if isinstance(banner, bool) else None,
        intent=_text(body, "intent"),
        tenant=_text(body, "tenant"),
        smart_style_url=style if style is not None and _private(style) else None,
        smart_web_messaging_origin=messaging and messaging[0],
        smart_web_messaging_handle=messaging and messaging[1],
    )


def _id(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not (isinstance(value, str) and ID.fullmatch(value)):
        raise TokenInvalid(f"`{name}` of the token response is not a FHIR id")
    return value


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable() else None


def _private(url: str) -> bool:
    try:
        return origin_of(url).private
    except ElsewhereRefused:
        return False


def _messaging(body: Mapping[str, Any]) -> tuple[str, str] | None:
    """Origin and handle: one without the other is of no use, and a page that is reached by more than its origin is somebody else's."""
    origin, handle = _text(body, "smart_web_messaging_origin"), _text(body, "smart_web_messaging_handle")
    return (origin, handle) if origin is not None and handle is not None and _ORIGIN.fullmatch(origin) and _private(origin) else None


def _items(value: object) -> tuple[Item, ...]:
    entries = value if isinstance(value, list) else []
    read = (_item(entry) for entry in entries[:_MOST] if isinstance(entry, dict))
    return tuple(item for item in read if item is not None)


def _item(entry: Mapping[str, Any]) -> Item | None:
    """None without any of reference, canonical and identifier, of which the standard wants at least one."""
    reference, canonical, identifier = _text(entry, "reference"), _text(entry, "canonical"), entry.get("identifier")
    identifier = identifier if isinstance(identifier, dict) and identifier else None
    if reference is None and canonical is None and identifier is None:
        return None
    role = entry.get("role", "launch")
    if not isinstance(role, str):
        return None
    return Item(role, _text(entry, "type"), reference, canonical, identifier)
