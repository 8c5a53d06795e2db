"""What a Bulk Data export holds: chosen and frozen at kick-off, cut into NDJSON files (Bulk Data Access 2.0, export)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from fhir.jsontext import dumps
from sandbox.ehr.access import INSUFFICIENT, READ, Access
from sandbox.ehr.dates import span
from sandbox.ehr.match import Criterion
from sandbox.ehr.outcome import Refusal, operation_outcome
from sandbox.ehr.query import parse_query
from sandbox.ehr.store import Store, Version

_FORMATS = frozenset(("application/fhir+ndjson", "application/ndjson", "ndjson"))
_NEXT_FILTER = re.compile(r",(?=[A-Z][A-Za-z]+\?)")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_KNOWN = frozenset(("_type", "_since", "_outputFormat", "_typeFilter", "patient"))
Filters = Mapping[str, tuple[tuple[Criterion, ...], ...]]


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """A checked kick-off. `patients` None means the whole system."""

    types: frozenset[str]
    since: datetime | None
    filters: Filters
    patients: frozenset[str] | None
    ignored: tuple[str, ...] = ()
    """What was not understood and, with `Prefer: handling=lenient`, left out."""


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One NDJSON file. `kind` is where the manifest lists it: output, error or deleted."""

    kind: str
    type: str
    name: str
    text: bytes
    count: int


def read_kickoff(
    pairs: Iterable[tuple[str, str]], access: Access, *, patients: frozenset[str] | None, offered: frozenset[str], lenient: bool
) -> ExportRequest:
    """Check the parameters of a kick-off.

    Raises:
        Refusal: 400 for a value that is wrong, or without `lenient` not supported; 403 for a type outside the token's scopes.
    """
    asked: dict[str, list[str]] = {}
    for name, value in pairs:
        asked.setdefault(name, []).append(value)
    if not set(asked.get("_outputFormat", ())) <= _FORMATS:
        raise Refusal(400, "_outputFormat must be application/fhir+ndjson")
    named = [part for value in asked.get("_type", ()) for part in value.split(",")]
    unknown = [f"_type {each}" for each in named if each not in offered] + sorted(asked.keys() - _KNOWN)
    if unknown and not lenient:
        raise Refusal(400, "a parameter or type that this server does not export")
    types = _allowed(frozenset(named) & offered if named else offered, access, explicit=bool(named))
    return ExportRequest(
        types=types,
        since=_since(asked.get("_since", [])),
        filters=_filters(asked.get("_typeFilter", []), types),
        patients=_chosen(asked.get("patient", []), patients),
        ignored=tuple(unknown),
    )


def _allowed(types: frozenset[str], access: Access, *, explicit: bool) -> frozenset[str]:
    """The types that the token reaches for everybody: a token bound to one patient exports nothing."""
    reached = frozenset(each for each in types if access.may(READ, each) and access.beyond_one_patient(READ, each))
    if not reached or (explicit and reached != types):
        raise Refusal(403, "the token's scopes do not allow this export", INSUFFICIENT)
    return reached


def _since(values: list[str]) -> datetime | None:
    if not values:
        return None
    found = span(values[-1]) if _INSTANT.fullmatch(values[-1]) else None
    if found is None:
        raise Refusal(400, "_since must be an instant")
    return found.start


def _filters(values: list[str], types: frozenset[str]) -> Filters:
    """By type: a resource passes when one of its type's queries does."""
    filters: dict[str, tuple[tuple[Criterion, ...], ...]] = {}
    for text in (part for value in values for part in _NEXT_FILTER.split(value)):
        type_, _, query = text.partition("?")
        if type_ not in types:
            raise Refusal(400, "_typeFilter names a type that is not exported")
        parsed = parse_query(type_, parse_qsl(query), strict=True)
        filters[type_] = (*filters.get(type_, ()), tuple(parsed.criteria))
    return filters


def _chosen(values: list[str], patients: frozenset[str] | None) -> frozenset[str] | None:
    if not values:
        return patients
    named = frozenset(value.removeprefix("Patient/") for value in values)
    if patients is None or not named <= patients:
        raise Refusal(400, "patient names somebody who is not among the exported patients")
    return named


def export_files(store: Store, request: ExportRequest, access: Access, most: int) -> tuple[ExportFile, ...]:
    """The files, at most `most` resources each, in order of type."""
    files: list[ExportFile] = []
    for type_ in sorted(request.types):
        lines = [version.raw for version in store.of_type(type_) if _wanted(version, request) and access.sees(READ, version)]
        files += _cut("output", type_, lines, most)
    if request.ignored:
        outcomes = [dumps(operation_outcome(400, f"ignored: {name}", "warning")) for name in request.ignored]
        files += _cut("error", "OperationOutcome", outcomes, most)
    if request.since is not None:
        files += _cut("deleted", "Bundle", list(_deletions(store, request, request.since)), most)
    return tuple(files)


def _wanted(version: Version, request: ExportRequest) -> bool:
    inside = request.patients is None or not request.patients.isdisjoint(version.patients)
    fresh = request.since is None or version.updated >= request.since
    queries = request.filters.get(version.type)
    return inside and fresh and (queries is None or any(all(each.matches(version.body) for each in query) for query in queries))


def _deletions(store: Store, request: ExportRequest, since: datetime) -> Iterator[bytes]:
    for version in store.deletions():
        before = store.history(version.type, version.id)[-2]
        inside = request.patients is None or not request.patients.isdisjoint(before.patients)
        if version.type in request.types and version.updated >= since and inside:
            entry: dict[str, Any] = {"request": {"method": "DELETE", "url": version.local}}
            yield dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})


def _cut(kind: str, type_: str, lines: list[bytes], most: int) -> Iterator[ExportFile]:
    for number, start in enumerate(range(0, len(lines), most), start=1):
        part = lines[start : start + most]
        yield ExportFile(kind, type_, f"{kind}.{type_}.{number}.ndjson", b"".join(line + b"\n" for line in part), len(part))
