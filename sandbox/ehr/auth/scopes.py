"""SMART scopes, v1 and v2: read, and narrowed to what a client may have (SMART App Launch 2.2.0, scopes-and-launch-context)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from sandbox.ehr.match import criterion
from sandbox.ehr.parameters import PARAMETERS

_V2 = re.compile(r"(?P<context>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]+)\.(?P<letters>c?r?u?d?s?)(\?(?P<query>\S+))?")
_V1 = re.compile(r"(?P<context>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]+)\.(?P<word>read|write|\*)")
_MESSAGING = re.compile(r"messaging/[a-z]+\.([A-Za-z]+|\*)")
"""SMART Web Messaging 1.0.0, scopes: `messaging/ui.launchActivity`."""
_WORDS = {"read": "rs", "write": "cud", "*": "cruds"}
PLAIN = frozenset(("openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter", "online_access", "offline_access"))
"""Scopes that are words of their own."""


@dataclass(frozen=True, slots=True)
class ResourceScope:
    """A scope on resources: whose (`patient`, `user`, `system`), which type (or `*`), which of `cruds`, under which conditions."""

    context: str
    type: str
    letters: str
    query: tuple[tuple[str, str], ...] = ()

    def holds(self, other: ResourceScope) -> bool:
        """Whether everything `other` allows is allowed by this one; `user/` and `system/` never stand for each other."""
        return (
            self.context == other.context
            and self.type in ("*", other.type)
            and set(other.letters) <= set(self.letters)
            and set(self.query) <= set(other.query)
        )


def resource_scope(text: str) -> ResourceScope | None:
    """Read one scope; None for a word of its own, and for what is no scope, such as `.sr` out of order or a condition nobody knows.

    >>> resource_scope("patient/Observation.read")
    ResourceScope(context='patient', type='Observation', letters='rs', query=())
    """
    old = _V1.fullmatch(text)
    if old:
        return ResourceScope(old["context"], old["type"], _WORDS[old["word"]])
    new = _V2.fullmatch(text)
    if new is None or not new["letters"]:
        return None
    query = tuple(parse_qsl(new["query"] or ""))
    if new["query"] and not _evaluable(new["type"], query):
        return None
    return ResourceScope(new["context"], new["type"], new["letters"], query)


def _evaluable(type_: str, query: tuple[tuple[str, str], ...]) -> bool:
    known = PARAMETERS.get(type_, {})
    return bool(query) and all(name in known and criterion(known[name], "", value) is not None for name, value in query)


def granted(asked: str, allowed: str, contexts: frozenset[str] = frozenset(("patient", "user"))) -> tuple[str, ...]:
    """What of the asked scopes a client gets: those that a scope it may have holds, each once, in the asked order.

    A wider scope than allowed is not refused but narrowed: `patient/*.cruds` for a client that may `patient/*.rs patient/Media.c`
    becomes those two. `contexts` names the kinds of scope the grant type can carry.
    """
    most = {text: resource_scope(text) for text in allowed.split()}
    given: dict[str, None] = {}
    for text in asked.split():
        wanted = resource_scope(text)
        if wanted is None:
            given |= dict.fromkeys([text] if (text in PLAIN or _MESSAGING.fullmatch(text)) and text in most else [])
        elif wanted.context in contexts:
            given |= dict.fromkeys(_narrowed(text, wanted, most))
    return tuple(given)


def _narrowed(text: str, wanted: ResourceScope, most: dict[str, ResourceScope | None]) -> list[str]:
    allowed = [(name, scope) for name, scope in most.items() if scope is not None]
    if any(scope.holds(wanted) for _, scope in allowed):
        return [text]
    return [name for name, scope in allowed if wanted.holds(scope)]


def within(asked: str, held: tuple[str, ...]) -> bool:
    """Whether every asked scope is among the held ones or narrower than one of them (RFC 6749, 6)."""
    scopes = [scope for scope in map(resource_scope, held) if scope is not None]
    for text in asked.split():
        wanted = resource_scope(text)
        if text not in held and (wanted is None or not any(scope.holds(wanted) for scope in scopes)):
            return False
    return True


def resource_scopes(held: tuple[str, ...]) -> tuple[ResourceScope, ...]:
    """The scopes on resources among the held ones."""
    return tuple(scope for scope in map(resource_scope, held) if scope is not None)
