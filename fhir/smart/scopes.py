"""SMART scopes, both versions: what was asked, what was granted, and what is off because of the difference.

App Launch 2.2, scopes and launch context. Version 2: `patient/Observation.rs?category=laboratory`, with the letters of `cruds` in
this order. Version 1: `.read` (reading and searching), `.write` (creating, updating, deleting), `.*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fhir.errors import RegistrationInvalid

_CLINICAL = re.compile(
    r"(?P<context>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]{1,63})\."
    r"(?:(?P<old>read|write|\*)|(?P<actions>(?=[cruds])c?r?u?d?s?)(?:\?(?P<query>[^\s?#]+))?)",
    re.ASCII,
)
_PARAMETER = re.compile(r"[A-Za-z_][\w:.-]*=[^=]*", re.ASCII)
_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""A scope as RFC 6749 3.3 allows it: no quote, backslash, space or control character."""
_OLD = {"read": "rs", "write": "cud", "*": "cruds"}
_MOST = 16 * 1024
_VERBS = {"c": "creating", "r": "reading", "u": "updating", "d": "deleting", "s": "searching"}
_ABILITIES = {
    "openid": "knowing who the user is",
    "fhirUser": "knowing who the user is",
    "online_access": "renewal without a new launch",
    "offline_access": "renewal without a new launch",
    "launch/encounter": "knowing the encounter",
}

Reach = Literal["all", "part", "none"]


@dataclass(frozen=True, slots=True)
class Scope:
    """One clinical scope. `type` may be `*`; `actions` are letters of `cruds` in order; `query` are its search parameters."""

    context: Literal["patient", "user", "system"]
    type: str
    actions: str
    query: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """As version 2 writes it."""
        return f"{self.context}/{self.type}.{self.actions}" + ("?" + "&".join(sorted(self.query)) if self.query else "")

    def old(self) -> str:
        """As version 1 writes the nearest scope that grants no less."""
        reads, writes = not {*"rs"}.isdisjoint(self.actions), not {*"cud"}.isdisjoint(self.actions)
        return f"{self.context}/{self.type}." + ("*" if reads and writes else "read" if reads else "write")

    def covers(self, context: str, type_: str, action: str) -> bool:
        """Whether it grants an action on (some) resources of a type. `user/` and `patient/` never stand for each other."""
        return self.context == context and self.type in ("*", type_) and action in self.actions


@dataclass(frozen=True, slots=True)
class Off:
    """Something asked that was not granted, or only in part, in words for a clinician or administrator."""

    what: str
    """Such as `searching MedicationRequest` or `knowing who the user is`."""
    reach: Literal["part", "none"] = "none"


@dataclass(frozen=True, slots=True)
class Scopes:
    """A set of scopes: the clinical ones, and the others by name (`openid`, `launch/patient`, or one nobody knows)."""

    clinical: tuple[Scope, ...]
    others: frozenset[str]

    def __str__(self) -> str:
        """As they are sent: one line, the others first."""
        return " ".join([*sorted(self.others), *map(str, self.clinical)])

    def old(self) -> str:
        """As they are sent to a server that knows version 1 alone."""
        return " ".join([*sorted(self.others), *dict.fromkeys(scope.old() for scope in self.clinical)])

    def __contains__(self, name: str) -> bool:
        """Whether one of the others is among them, such as `openid`."""
        return name in self.others

    def reach(self, context: str, type_: str, action: str) -> Reach:
        """How far an action on a type is granted: `part` where only under search parameters."""
        found = [scope for scope in self.clinical if scope.covers(context, type_, action)]
        if any(not scope.query for scope in found):
            return "all"
        return "part" if found else "none"

    def within(self, granted: Scopes) -> Scopes:
        """Those of these scopes that another set also grants, action by action, under the narrower of the two conditions."""
        kept = (_met(mine, theirs) for mine in self.clinical for theirs in granted.clinical)
        return Scopes(tuple(dict.fromkeys(scope for scope in kept if scope is not None)), self.others & granted.others)


def _met(one: Scope, other: Scope) -> Scope | None:
    """What both grant; None when that is nothing, or two conditions that no one scope can say."""
    type_ = other.type if one.type == "*" else one.type
    actions = "".join(letter for letter in one.actions if letter in other.actions)
    same_kind = one.context == other.context and type_ in (one.type, other.type) and other.type in ("*", type_)
    if not same_kind or not actions or (one.query and other.query and one.query != other.query):
        return None
    return Scope(one.context, type_, actions, one.query or other.query)


def scope(text: str) -> Scope | None:
    """One clinical scope of either version; None when it is none.

    >>> str(scope("patient/*.read"))
    'patient/*.rs'
    >>> scope("patient/Observation.sr") is None
    True
    """
    found = _CLINICAL.fullmatch(text)
    if found is None:
        return None
    query = frozenset((found["query"] or "").split("&")) if found["query"] else frozenset()
    if not all(map(_PARAMETER.fullmatch, query)):
        return None
    actions = _OLD[found["old"]] if found["old"] else found["actions"]
    return Scope(found["context"], found["type"], actions, query)  # type: ignore[arg-type]  # the pattern knows three contexts


def granted(text: str) -> Scopes:
    """Scopes as a server grants them. What the grammar does not have is kept by its name and grants nothing.

    Raises:
        ValueError: the text holds characters that no scope has (RFC 6749 3.3), or is longer than 16 kB.
    """
    words = text.split(" ")
    if len(text) > _MOST or not all(_TOKEN.fullmatch(word) for word in words if word):
        raise ValueError("not a list of scopes")
    read = {word: scope(word) for word in words if word}
    clinical = tuple(dict.fromkeys(one for one in read.values() if one is not None))
    return Scopes(clinical, frozenset(word for word, one in read.items() if one is None))


def asked(text: str) -> Scopes:
    """Scopes as a site writes them into its settings.

    Raises:
        RegistrationInvalid: none, or one that looks clinical and is not in the grammar: another order than `cruds`, an unknown context.
    """
    try:
        scopes = granted(text)
    except ValueError:
        raise RegistrationInvalid("the scopes hold a character that no scope has") from None
    odd = [name for name in scopes.others if ("/" in name and name not in ("launch/patient", "launch/encounter")) or "." in name]
    if odd or not (scopes.clinical or scopes.others):
        raise RegistrationInvalid("a scope is not of the SMART grammar: context/Type.cruds, letters in this order, or .read and .write")
    return scopes


def off(wanted: Scopes, given: Scopes, types: Iterable[str]) -> tuple[Off, ...]:
    """What was asked and is not granted, or in part alone. `types` are what `*` stands for: the types that will be read.

    `launch` and `launch/patient` are not among it: whether they were granted is seen by the patient who came, or did not.
    """
    missing = [_ABILITIES[name] for name in sorted(wanted.others - given.others) if name in _ABILITIES]
    found = [Off(what) for what in dict.fromkeys(missing)]
    listed = tuple(types)
    for one in wanted.clinical:
        for type_ in listed if one.type == "*" else (one.type,):
            found += _off(one, type_, given)
    return tuple(dict.fromkeys(found))


def _off(one: Scope, type_: str, given: Scopes) -> Iterable[Off]:
    for action in one.actions:
        reach = given.reach(one.context, type_, action)
        as_asked = reach == "part" and any(s.covers(one.context, type_, action) and s.query == one.query for s in given.clinical)
        if reach != "all" and not as_asked:
            yield Off(f"{_VERBS[action]} {type_}", "part" if reach == "part" else "none")
