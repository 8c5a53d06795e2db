"""What an export amounts to: what is in the folder, what is missing, and where the next run begins."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass

from fhir.bulk.fetch import Fetched
from fhir.bulk.files import FileReport
from fhir.bulk.issues import is_grave
from fhir.bulk.manifest import ExportManifest
from fhir.bulk.request import ExportRequest
from fhir.bulk.state import ExportState, described
from fhir.chart import Pulled
from fhir.jsontext import dumps
from fhir.types import PULLED_TYPES


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run asked for."""

    base: str
    request: ExportRequest
    members: tuple[str, ...] | None
    """Ids of the patients it must bring; None when nobody can say."""


def is_whole(manifest: ExportManifest, fetched: Fetched) -> bool:
    """Whether everything the server had for us came, and the server says of nothing that it could not give it."""
    files = (*fetched.files, *fetched.deletions)
    return not manifest.more and all(file.state == "complete" for file in files) and not any(map(is_grave, fetched.issues))


def outcome(
    asked: Asked,
    before: ExportState | None,
    manifest: ExportManifest,
    fetched: Fetched,
    *,
    runs: tuple[str, ...],
    patients: Collection[str],
) -> ExportState:
    """The state a run leaves.

    Args:
        asked: What it asked for.
        before: The state it found.
        manifest: What the server said it would give.
        fetched: What came of that.
        runs: What the folder consists of now.
        patients: Ids of everyone whose Patient is in it.
    """
    began = asked.request.since if before is None else before.began
    return ExportState(
        base=asked.base,
        request=described(asked.request),
        began=began,
        transaction_time=manifest.transaction_time,
        next_since=manifest.transaction_time if is_whole(manifest, fetched) else asked.request.since,
        runs=runs,
        members=asked.members,
        missing=tuple(one for one in asked.members or () if one not in patients),
        states=_states(asked.request, before, manifest, fetched),
        files=tuple(asdict(file) for file in (*fetched.files, *fetched.deletions)),
        issues=tuple((*issue, count) for issue, count in sorted(fetched.issues.items())),
        deleted=len(fetched.deleted),
        unknown=dumps(manifest.unknown).decode(),
    )


def _states(request: ExportRequest, before: ExportState | None, manifest: ExportManifest, fetched: Fetched) -> dict[str, Pulled]:
    """How each type ended. What cannot be told apart is assumed to be missing: a type, where the server could not give something."""
    kinds = sorted({file.resource_type for file in fetched.files})
    found: dict[str, Pulled] = {kind: _state(file for file in fetched.files if file.resource_type == kind) for kind in kinds}
    others = {*(request.types or PULLED_TYPES), *(before.states if before else ())} - set(found)
    doubtful = manifest.more or any(map(is_grave, fetched.issues))
    found |= dict.fromkeys(sorted(others), "failed" if doubtful else "complete")
    if manifest.more or any(file.state != "complete" for file in fetched.deletions):
        found |= {kind: "truncated" for kind, state in found.items() if state == "complete"}
    return found


def _state(files: Iterable[FileReport]) -> Pulled:
    states = {file.state for file in files}
    return states.pop() if len(states) == 1 else "truncated"
