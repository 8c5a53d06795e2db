"""`export.json`: what an export's folder is, where its next run begins, and what is missing from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from fhir.bulk.request import ExportRequest
from fhir.bulk.whole import whole
from fhir.chart import Pulled
from fhir.errors import BadJson, ExportFailed, NotFhir
from fhir.jsontext import check, loads
from fhir.types import PULLED_TYPES

STATE = "export.json"
_WORST_FIRST: tuple[Pulled, ...] = ("failed", "refused", "truncated", "not asked", "complete")


@dataclass(frozen=True, slots=True)
class ExportState:
    """What `export.json` says. It never has a member called `resourceType`: a folder's reader would take it for a resource."""

    base: str
    request: Mapping[str, Any]
    """The fields of the ExportRequest but `since`: what makes two runs the same export."""
    began: str | None
    """`since` of the first run: what never changed after it is not here. None: everything is."""
    transaction_time: str
    """Of the newest run."""
    next_since: str | None
    """Where the next run begins; None: it must bring everything. It moves on only with a run from which nothing is missing."""
    runs: tuple[str, ...]
    """Sub-folders, oldest first."""
    members: tuple[str, ...] | None = None
    """Ids of the patients that were asked for; None when nobody can say who they are."""
    missing: tuple[str, ...] = ()
    """Those of them that did not come."""
    states: Mapping[str, Pulled] = field(default_factory=dict)
    """Resource type and how its files ended."""
    files: tuple[Mapping[str, Any], ...] = ()
    """Of the newest run: the fields of each FileReport."""
    issues: tuple[tuple[str, str, int], ...] = ()
    """Severity and code of what the server's error files say, and how often."""
    deleted: int = 0
    """How many resources the server said are gone."""
    unknown: str = "{}"
    """Fields of the manifest that the standard does not have: JSON, as text."""

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for came, as far as anybody can tell."""
        return self.next_since == self.transaction_time and not self.missing

    def pulled(self) -> tuple[tuple[str, Pulled], ...]:
        """For a chart's manifest: every type a review reads, and whether the folder can be believed to hold all of it."""
        return tuple((name, self._state(name)) for name in PULLED_TYPES)

    def _state(self, resource_type: str) -> Pulled:
        asked = self.request.get("types")
        if asked and resource_type not in asked:
            return "not asked"
        state = self.states.get(resource_type, "complete")
        filtered = any(str(one).startswith(f"{resource_type}?") for one in self.request.get("type_filters") or ())
        cut = self.began is not None or filtered or self.request.get("elements")
        return "truncated" if state == "complete" and cut else state


def described(request: ExportRequest) -> dict[str, Any]:
    """What makes two runs the same export: everything but where they begin."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(request).items() if name != "since"}


def read_state(folder: Path) -> ExportState | None:
    """What the folder says of itself; None when it has no `export.json`.

    Raises:
        ExportFailed: it has one that cannot be read.
        OSError: it may not be read.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        text = path.read_bytes()
        check(text)
        return msgspec.convert(loads(text), ExportState)
    except (BadJson, NotFhir, msgspec.ValidationError):
        raise ExportFailed(f"{STATE} of the folder cannot be read") from None


def pulled_of(places: Iterable[Path]) -> tuple[tuple[str, Pulled], ...]:
    """For a chart's manifest: what the exports among some folders can be believed to hold, at the worst; () when none of them is one.

    Raises as `read_state` does.
    """
    exports = [state.pulled() for place in places if place.is_dir() and (state := read_state(place)) is not None]
    found: dict[str, Pulled] = {}
    for name, how in (pair for pulled in exports for pair in pulled):
        found[name] = min(how, found.get(name, how), key=_WORST_FIRST.index)
    return tuple(sorted(found.items()))


def write_state(folder: Path, state: ExportState) -> None:
    """Write `export.json`, whole or not at all. Raises OSError."""
    text = json.dumps(asdict(state), indent=2, ensure_ascii=False)
    with whole(folder / STATE) as file:
        file.write(text.encode() + b"\n")
