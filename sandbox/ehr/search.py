"""Answering a search: which resources match, in what order, and what comes along with them (FHIR R4 search.html)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from sandbox.ehr.access import SEARCH, Access
from sandbox.ehr.dates import element_span
from sandbox.ehr.match import tokens
from sandbox.ehr.parameters import Parameter
from sandbox.ehr.query import Include, Query
from sandbox.ehr.references import local, values
from sandbox.ehr.store import Store, Version

_NEVER = datetime.min.replace(tzinfo=UTC)


def find(store: Store, query: Query, access: Access) -> list[Version]:
    """The matches, sorted; only what the request may see."""
    found = [version for version in _pool(store, query, access) if all(each.matches(version.body) for each in query.criteria)]
    seen = [version for version in found if access.sees(SEARCH, version)]
    for parameter, descending in reversed(query.sort):
        seen = _sorted(seen, parameter, descending)
    return seen


def _pool(store: Store, query: Query, access: Access) -> Iterator[Version]:
    """Everything that could match: a patient's compartment where the query or the token is bound to one."""
    bound = access.bound_to(SEARCH, query.type)
    patients = query.patients if bound is None else {bound}
    if patients is None or len(patients) > 1:
        return store.of_type(query.type)
    return store.of_patient(next(iter(patients)), query.type)


def _sorted(versions: list[Version], parameter: Parameter, descending: bool) -> list[Version]:
    """Stable; a resource without the element comes last in either direction."""
    keyed = [(_sort_key(parameter, version), version) for version in versions]
    present = [pair for pair in keyed if pair[0] is not None]
    present.sort(key=lambda pair: pair[0], reverse=descending)
    return [version for _, version in present] + [version for key, version in keyed if key is None]


def _sort_key(parameter: Parameter, version: Version) -> Any:
    for value in (each for path in parameter.paths for each in values(version.body, path)):
        if parameter.kind == "date":
            found = element_span(value)
            return found.start if found else None
        if parameter.kind == "token":
            return next((token for _, token in tokens(value)), None)
        return str(value.get("reference", "")) if isinstance(value, dict) else str(value)
    return None


def included(store: Store, query: Query, page: Iterable[Version], access: Access, base: str) -> list[Version]:
    """What `_include` and `_revinclude` bring along with a page of matches, each once, never a match itself."""
    matches = list(page)
    taken = {version.local for version in matches}
    brought: dict[str, Version] = {}
    for version in _forward(store, query.includes, matches, base):
        brought.setdefault(version.local, version)
    for version in _backward(store, query.reverse_includes, taken, base):
        brought.setdefault(version.local, version)
    return [version for name, version in brought.items() if name not in taken and access.sees("r", version)]


def _targets(parameter: Parameter, version: Version, base: str) -> Iterator[str]:
    for value in (each for path in parameter.paths for each in values(version.body, path)):
        named = local(str(value.get("reference", "")), base) if isinstance(value, dict) else None
        if named is not None and named.partition("/")[0] == (parameter.target or named.partition("/")[0]):
            yield named


def _forward(store: Store, includes: list[Include], matches: list[Version], base: str) -> Iterator[Version]:
    for include in includes:
        for version in matches:
            for name in _targets(include.parameter, version, base):
                found = store.current(name)
                if found is not None and include.target in (None, found.type):
                    yield found


def _backward(store: Store, includes: list[Include], taken: set[str], base: str) -> Iterator[Version]:
    for include in includes:
        for version in store.of_type(include.source):
            if not taken.isdisjoint(_targets(include.parameter, version, base)):
                yield version
