"""A bulk export into a folder: whole, or the next part of one that is there (Bulk Data Access 2.0)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from fhir.bulk.fetch import Fetched, fetch
from fhir.bulk.files import FileAsker, FileLimits, FileReport
from fhir.bulk.folder import ExportFolder, export_folder
from fhir.bulk.job import begun
from fhir.bulk.kickoff import kick_off
from fhir.bulk.manifest import ExportManifest
from fhir.bulk.members import members_of
from fhir.bulk.outcome import Asked, is_whole, outcome
from fhir.bulk.poll import Patience, finished
from fhir.bulk.request import ExportRequest
from fhir.bulk.state import STATE, ExportState, described
from fhir.errors import ExportFailed
from fhir.time import parse_when
from fhir.wire.wire import Wire


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an export is."""

    stage: Literal["waiting", "fetching"]
    word: str = ""
    """While waiting: what the server says, made printable. For a person's eyes, never to be kept."""
    files: int = 0
    """While fetching: how many have come."""
    of: int = 0
    lines: int = 0
    """Resources in them."""


@dataclass(frozen=True, slots=True)
class Course:
    """How an export is made."""

    method: Literal["GET", "POST"] = "GET"
    full: bool = False
    """Everything anew, where an incremental run would do."""
    at_once: int = 3
    """Files that are fetched together."""
    patience: Patience = field(default_factory=Patience)
    limits: FileLimits = field(default_factory=FileLimits)


async def export(
    wire: Wire,
    base: str,
    request: ExportRequest,
    folder: Path,
    *,
    course: Course = Course(),
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> ExportState:
    """Export from a server into a folder. Where the folder holds the same export already, only what changed since is asked for.

    Args:
        wire: Whom it may ask. Files may lie on other hosts: those must be on its list, and see the token only if they are trusted.
        base: FHIR base URL.
        request: What to export. Its `since`, where the folder has runs, must not leave a gap after them.
        folder: Becomes a source for `fhir.source.open_source`. Left as it was when the export does not come to its end.
        course: Times, limits and manners.
        on_progress: Told at every answer while waiting, and at every file.

    Returns:
        What now stands in the folder's `export.json`. A file or patient that did not come is told there, not raised.

    Raises:
        ExportFailed: the server began none, lost it or describes it so that it cannot be followed; or the folder holds something else.
        RequestRefused: the server refuses it, with the codes of its OperationOutcome; or `request` cannot be asked of any server.
        OSError: the folder cannot be written.
        Others: see `fhir.wire.wire.Wire.ask`.
    """
    with export_folder(folder) as place:
        members = await members_of(wire, base, request)
        request = _continued(place.state, base, request, members, full=course.full)
        async with begun(wire, kick_off(base, request, course.method), course.patience) as url:
            manifest = await finished(wire, url, course.patience, lambda word: on_progress(Progress("waiting", word)))
            asker = FileAsker(wire, course.limits, with_token=manifest.requires_access_token)
            bar = _Bar(on_progress, len(manifest.output))
            fetched = await fetch(asker, manifest, place.incoming, remember=bool(place.runs), at_once=course.at_once, on_file=bar.came)
        # in this thread: a cancelled task would leave another one at work in a folder that is being cleared
        return _settle(place, Asked(base.rstrip("/"), request, members), manifest, fetched)


def _continued(
    state: ExportState | None, base: str, request: ExportRequest, members: tuple[str, ...] | None, *, full: bool
) -> ExportRequest:
    """The request with the `since` that follows what the folder holds.

    Raises:
        ExportFailed: the folder holds another export, or one that ends before `since`.
    """
    if state is None:
        return request
    if (state.base, state.request) != (base.rstrip("/"), described(request)):
        raise ExportFailed("the folder holds an export of another server, of others or of other types")
    # who joined a group, or did not come last time, brings a history that did not change since; who left it must go
    others = members is not None and set(members) != set(state.members or ()) - set(state.missing)
    if full or state.next_since is None or others:
        return replace(request, since=state.began)
    if request.since is not None and _moment(request.since) > _moment(state.next_since):
        raise ExportFailed("since lies after what the folder holds: what changed in between would be missing")
    return request if request.since is not None else replace(request, since=state.next_since)


def _moment(instant: str) -> datetime:
    when = parse_when(instant)
    if when is None:
        raise ExportFailed(f"{STATE} of the folder names an instant that is none")
    return when.earliest


class _Bar:
    """Counts files as they come."""

    def __init__(self, on_progress: Callable[[Progress], None], of: int) -> None:
        self._on_progress, self._now = on_progress, Progress("fetching", of=of)
        on_progress(self._now)

    def came(self, file: FileReport) -> None:
        self._now = replace(self._now, files=self._now.files + 1, lines=self._now.lines + file.lines)
        self._on_progress(self._now)


def _settle(place: ExportFolder, asked: Asked, manifest: ExportManifest, fetched: Fetched) -> ExportState:
    """Put what came in its place; everything older goes only when everything anew came whole."""
    anew = asked.request.since == (place.state.began if place.state else asked.request.since)
    runs = place.settle(replaced=fetched.references | fetched.deleted, everything=anew and is_whole(manifest, fetched))
    patients = place.patients(runs)
    state = outcome(asked, place.state, manifest, fetched, runs=runs, patients=patients)
    place.finish(state, patients)
    return state
