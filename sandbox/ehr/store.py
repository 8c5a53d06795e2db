"""What the pretend hospital knows: every version of every resource, in memory.

A resource is kept as JSON text with the digits it was given (`1.00` stays `1.00`), plus `meta.versionId` and `meta.lastUpdated`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fhir.jsontext import dumps, loads
from sandbox.ehr.compartment import patients_of
from sandbox.ehr.references import rewritten, values

Key = tuple[str, str]
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_CONDITIONAL = re.compile(r"[A-Z][A-Za-z]+\?identifier=[^&]+")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource. `body` is `raw` parsed, decimals as Decimal: read it, never change it."""

    type: str
    id: str
    number: int
    updated: datetime
    raw: bytes
    body: Mapping[str, Any]
    deleted: bool = False
    patients: frozenset[str] = frozenset()
    """Ids of the patients whose compartment it is in."""

    @property
    def local(self) -> str:
        """`Type/id`."""
        return f"{self.type}/{self.id}"

    @property
    def etag(self) -> str:
        """Its weak entity tag (http.html 3.1.0.5)."""
        return f'W/"{self.number}"'


def instant(moment: datetime) -> str:
    """A FHIR instant, UTC, to the millisecond."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _now() -> datetime:
    return datetime.now(UTC)


class Store:
    """Resources by type and id, with their history. Only the server's thread and the test that holds it touch it."""

    def __init__(self, resources: Iterable[Mapping[str, Any]] = (), *, clock: Callable[[], datetime] = _now) -> None:
        """Begin with `resources`, each with an id; `clock` gives the time of a version."""
        self.clock = clock
        self.base = ""
        """The FHIR base URL, so that an absolute reference to it is known as the hospital's own."""
        self._versions: dict[Key, tuple[Version, ...]] = {}
        self._by_type: dict[str, dict[str, None]] = {}
        self._by_patient: dict[str, dict[Key, None]] = {}
        self.load(resources)

    def load(self, resources: Iterable[Mapping[str, Any]]) -> None:
        """Add resources, or bundles of them, as they are; a `meta.lastUpdated` they bring is kept, so that a test can set the past.

        Raises:
            ValueError: a resource without `resourceType` or with an id that FHIR does not allow.
        """
        for resource in resources:
            if resource.get("resourceType") == "Bundle" and "entry" in resource:
                self.load_bundle(resource)
            else:
                self._add(resource)

    def load_bundle(self, bundle: Mapping[str, Any]) -> None:
        """Add what a bundle holds; `urn:uuid:` and conditional references become `Type/id` where their target is known."""
        entries = [entry for entry in bundle.get("entry", ()) if "resource" in entry]
        known: dict[str, str] = {}
        for entry in entries:
            resource = entry["resource"]
            place = f"{resource['resourceType']}/{resource.get('id') or _id_of(entry)}"
            known[str(entry.get("fullUrl"))] = place
            known |= dict.fromkeys(_conditional_names(resource), place)

        def resolve(text: str) -> str | None:
            return known.get(text) or (self._named(text) if _CONDITIONAL.fullmatch(text) else None)

        for entry in entries:
            self._add({"id": _id_of(entry), **rewritten(entry["resource"], resolve)})

    def _named(self, conditional: str) -> str | None:
        """The one resource that a conditional reference by identifier names."""
        found = [each.local for each in self.of_type(conditional.partition("?")[0]) if conditional in _conditional_names(each.body)]
        return found[0] if len(found) == 1 else None

    def _add(self, resource: Mapping[str, Any]) -> None:
        given = (resource.get("meta") or {}).get("lastUpdated")
        self.put(str(resource["resourceType"]), str(resource["id"]), resource, updated=datetime.fromisoformat(given) if given else None)

    def draft(self, type_: str, id_: str, resource: Mapping[str, Any], *, updated: datetime | None = None) -> Version:
        """The next version of a resource as it would be; nothing is written.

        Raises:
            ValueError: an id that FHIR does not allow, or a resource of another type.
        """
        if not ID.fullmatch(id_) or resource.get("resourceType") != type_:
            raise ValueError(f"not a {type_} with an id of FHIR R4")
        moment = updated or self.clock()
        number = len(self._versions.get((type_, id_), ())) + 1
        meta = {**(resource.get("meta") or {}), "versionId": str(number), "lastUpdated": instant(moment)}
        raw = dumps({"resourceType": type_, "id": id_, "meta": meta, **_without(resource, "resourceType", "id", "meta")})
        body = loads(raw)
        return Version(type_, id_, number, moment, raw, body, patients=patients_of(body, self.base))

    def put(self, type_: str, id_: str, resource: Mapping[str, Any], *, updated: datetime | None = None) -> Version:
        """Write the next version of a resource, and give it back.

        Raises:
            ValueError: as `draft`.
        """
        return self.append(self.draft(type_, id_, resource, updated=updated))

    def delete(self, type_: str, id_: str) -> Version | None:
        """Mark a resource as deleted; its history stays. None when there is nothing to delete."""
        current = self.read(type_, id_)
        if current is None or current.deleted:
            return current
        return self.append(Version(type_, id_, current.number + 1, self.clock(), b"", {}, deleted=True))

    def append(self, version: Version) -> Version:
        """Write a version that `draft` made, and give it back."""
        key = (version.type, version.id)
        before = self._versions.get(key, ())
        for patient in before[-1].patients if before else ():
            self._by_patient[patient].pop(key, None)
        self._versions[key] = (*before, version)
        ids = self._by_type.setdefault(version.type, {})
        if version.deleted:
            ids.pop(version.id, None)
        else:
            ids.setdefault(version.id)
        for patient in version.patients:
            self._by_patient.setdefault(patient, {})[key] = None
        return version

    def read(self, type_: str, id_: str) -> Version | None:
        """The newest version, a deleted one too; None when there never was one."""
        versions = self._versions.get((type_, id_))
        return versions[-1] if versions else None

    def current(self, local: str) -> Version | None:
        """The resource at `Type/id`; None when it is not there any more or never was."""
        type_, _, id_ = local.partition("/")
        version = self.read(type_, id_)
        return None if version is None or version.deleted else version

    def history(self, type_: str, id_: str) -> tuple[Version, ...]:
        """All versions, oldest first."""
        return self._versions.get((type_, id_), ())

    def of_type(self, type_: str) -> Iterator[Version]:
        """All resources of a type, in the order they came."""
        return (self._versions[type_, id_][-1] for id_ in tuple(self._by_type.get(type_, ())))

    def of_patient(self, patient: str, type_: str | None = None) -> Iterator[Version]:
        """What is in a patient's compartment, the Patient included."""
        keys = tuple(self._by_patient.get(patient, ()))
        return (self._versions[key][-1] for key in keys if type_ is None or key[0] == type_)

    def types(self) -> tuple[str, ...]:
        """Types of which there is at least one resource."""
        return tuple(name for name, ids in self._by_type.items() if ids)

    def everything(self) -> Iterator[Version]:
        """All resources."""
        return itertools.chain.from_iterable(self.of_type(name) for name in self.types())

    def deletions(self) -> Iterator[Version]:
        """The last version of everything that was deleted."""
        return (versions[-1] for versions in tuple(self._versions.values()) if versions[-1].deleted)

    def snapshot(self) -> Callable[[], None]:
        """Remember everything; calling the answer brings it back (a transaction that fails leaves nothing behind)."""
        versions = dict(self._versions)
        by_type = {name: dict(ids) for name, ids in self._by_type.items()}
        by_patient = {name: dict(keys) for name, keys in self._by_patient.items()}

        def restore() -> None:
            self._versions, self._by_type, self._by_patient = versions, by_type, by_patient

        return restore


def _without(resource: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name not in names}


def _id_of(entry: Mapping[str, Any]) -> str:
    own = entry["resource"].get("id")
    return str(own or str(entry.get("fullUrl", "")).removeprefix("urn:uuid:").rpartition("/")[2])


def _conditional_names(resource: Mapping[str, Any]) -> list[str]:
    """The conditional references that would find it: `Practitioner?identifier=system|value`."""
    given = (each for each in values(resource, "identifier") if isinstance(each, Mapping))
    return [f"{resource['resourceType']}?identifier={each.get('system', '')}|{each.get('value', '')}" for each in given]
