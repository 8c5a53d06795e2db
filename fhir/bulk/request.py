"""What is exported: of whom, which types, since when (Bulk Data Access 2.0, "Query Parameters")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlencode

from fhir.errors import RequestRefused
from fhir.jsontext import dumps
from fhir.time import parse_when
from fhir.types import ID

NDJSON = "application/fhir+ndjson"
Level = Literal["system", "patients", "group"]
TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}", re.ASCII)
_CRITERIA = re.compile(r"[A-Z][A-Za-z]{1,63}\?[^\s#]+", re.ASCII)
_ELEMENT = re.compile(r"([A-Z][A-Za-z]+\.)?[a-z][A-Za-z]*", re.ASCII)
_ZONED = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """One export. A `group` makes it a group's, `level` alone all patients' or the whole system's."""

    level: Level
    group: str | None = None
    types: tuple[str, ...] = ()
    """`_type`; empty: whatever the server exports."""
    since: str | None = None
    """`_since`, an instant: only what changed after it."""
    type_filters: tuple[str, ...] = ()
    """`_typeFilter`, each `Type?criteria`."""
    elements: tuple[str, ...] = ()
    """`_elements`; what comes is then marked SUBSETTED by the server."""
    patients: tuple[str, ...] = ()
    """Ids of the only patients wanted: goes by POST alone."""

    def __post_init__(self) -> None:
        """Refuse what no server can be asked.

        Raises:
            RequestRefused: a group without an id or an id without a group, a value that is not what its parameter takes,
                single patients of a whole system, or types without Patient.
        """
        if (self.level == "group") != (self.group is not None):
            raise RequestRefused("an export is of one group by its id, of all patients or of the system")
        if self.level == "system" and self.patients:
            raise RequestRefused("an export of the system takes no list of patients")
        if self.types and "Patient" not in self.types:
            raise RequestRefused("an export without its patients is no source: add the type Patient")
        ids = (self.group, *self.patients) if self.group is not None else self.patients
        _require(ids, ID, "an id is no FHIR id")
        _require(self.types, TYPE, "a type is no resource type")
        _require(self.type_filters, _CRITERIA, "a type filter is not of the form Type?criteria")
        _require(self.elements, _ELEMENT, "an element is not of the form element or Type.element")
        if self.since is not None and not is_instant(self.since):
            raise RequestRefused("since is no instant with its offset")

    @property
    def path(self) -> str:
        """Of the operation, below the base URL."""
        if self.level == "group":
            return f"Group/{self.group}/$export"
        return "Patient/$export" if self.level == "patients" else "$export"

    def query(self) -> str:
        """For a kick-off by GET.

        >>> ExportRequest("system", types=("Patient", "Observation")).query()
        '_outputFormat=application%2Ffhir%2Bndjson&_type=Patient%2CObservation'
        """
        return urlencode(self._parameters(), quote_via=quote, safe="")

    def body(self) -> bytes:
        """A Parameters resource, for a kick-off by POST."""
        parameters: list[dict[str, Any]] = [
            {"name": name, "valueInstant" if name == "_since" else "valueString": value} for name, value in self._parameters()
        ]
        parameters += [{"name": "patient", "valueReference": {"reference": f"Patient/{one}"}} for one in self.patients]
        return dumps({"resourceType": "Parameters", "parameter": parameters})

    def _parameters(self) -> list[tuple[str, str]]:
        found = [("_outputFormat", NDJSON)]
        if self.types:
            found.append(("_type", ",".join(self.types)))
        if self.since:
            found.append(("_since", self.since))
        found += [("_typeFilter", one) for one in self.type_filters]
        if self.elements:
            found.append(("_elements", ",".join(self.elements)))
        return found


def is_instant(text: object) -> bool:
    """Whether a value is a FHIR instant: to the second at least, and with its offset."""
    return isinstance(text, str) and _ZONED.fullmatch(text) is not None and parse_when(text) is not None


def _require(values: tuple[str | None, ...], shape: re.Pattern[str], message: str) -> None:
    if not all(value is not None and shape.fullmatch(value) for value in values):
        raise RequestRefused(message)
