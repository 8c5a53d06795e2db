"""What a finished export consists of (Bulk Data Access 2.0, "Response - Complete Status")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fhir.bulk.request import TYPE, is_instant
from fhir.errors import ExportFailed
from fhir.jsontext import check, loads
from fhir.wire.origins import joined

_KNOWN = frozenset({"transactionTime", "request", "requiresAccessToken", "output", "error", "deleted"})
MOST_FILES = 100_000


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One NDJSON file of an export. Its URL may hold a signature, which is as good as a token: it is not shown in the repr."""

    resource_type: str
    url: str = field(repr=False)
    count: int | None = None
    """How many resources the server says are in it."""


@dataclass(frozen=True, slots=True)
class ExportManifest:
    """The files of an export, and the moment it holds for."""

    transaction_time: str
    """An instant: nothing that changed later is in it. Where the next incremental export begins."""
    requires_access_token: bool
    """Whether the files are asked for with the token; False where the manifest does not say so: a token goes nowhere unasked."""
    output: tuple[ExportedFile, ...]
    error: tuple[ExportedFile, ...] = ()
    deleted: tuple[ExportedFile, ...] = ()
    more: bool = False
    """Whether a `next` link says that this is not the whole manifest (Bulk Data 3.0, never asked for here)."""
    unknown: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Fields that the standard does not have, as they came."""


def read_manifest(text: bytes, url: str) -> ExportManifest:
    """Read the manifest that came from `url`; a relative file URL is resolved against it.

    Raises:
        NotFhir: no JSON. BadJson: not strict JSON.
        ExportFailed: what the standard requires is missing or of another shape.
    """
    check(text)
    body = loads(text)
    if not is_instant(body.get("transactionTime")):
        raise ExportFailed("the manifest has no transactionTime that is an instant")
    needs_token = body.get("requiresAccessToken", False)
    if not isinstance(needs_token, bool):
        raise ExportFailed("requiresAccessToken of the manifest is neither true nor false")
    if not isinstance(body.get("output"), list):
        raise ExportFailed("the manifest has no output")
    output, error, deleted = (_files(body.get(name, []), name, url) for name in ("output", "error", "deleted"))
    unknown = {name: value for name, value in body.items() if name not in _KNOWN}
    return ExportManifest(body["transactionTime"], needs_token, output, error, deleted, _has_next(unknown.get("link")), unknown)


def _files(value: object, name: str, base: str) -> tuple[ExportedFile, ...]:
    if not isinstance(value, list) or len(value) > MOST_FILES:
        raise ExportFailed(f"{name} of the manifest is no list of files")
    return tuple(_file(one, f"{name} {place}", base) for place, one in enumerate(value, start=1))


def _file(value: object, where: str, base: str) -> ExportedFile:
    entry = value if isinstance(value, dict) else {}
    # the standard lets the files of `error` and `deleted` go without a type; each holds one type alone
    kind, url, count = entry.get("type", _kind_of(where)), entry.get("url"), entry.get("count")
    if not isinstance(kind, str) or not TYPE.fullmatch(kind) or not isinstance(url, str) or not url:
        raise ExportFailed("an entry of the manifest has no type or no url", where=where)
    known = isinstance(count, int) and not isinstance(count, bool) and count >= 0
    return ExportedFile(kind, joined(base, url), count if known else None)


def _kind_of(where: str) -> str | None:
    return {"error": "OperationOutcome", "deleted": "Bundle"}.get(where.partition(" ")[0])


def _has_next(links: object) -> bool:
    return isinstance(links, list) and any(isinstance(link, dict) and link.get("relation") == "next" for link in links)
