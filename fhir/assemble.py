"""Whose is what: from the resources of a source to the Chart of one patient.

FHIR R4 compartment of Patient, by the elements that carry it (`subject`, `patient`, `beneficiary`, `individual`). A reference
may be relative, absolute, versioned, `urn:uuid:` or logical; whatever cannot be resolved is left out and counted, not guessed.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fhir.bundles import ABSOLUTE, Document, Header, Inner, Item, Link
from fhir.chart import Chart, Fact, Manifest, Pulled, QualityIssue
from fhir.errors import AnotherPatient, ConflictingCopies, EmptySource, UnknownPatient
from fhir.jsontext import loads
from fhir.views import objects

SHARED = frozenset(
    {"Organization", "Practitioner", "PractitionerRole", "Medication", "Location", "Device", "Substance", "Endpoint", "Binary"}
)
"""Types without a patient of their own: they come along when a fact of the patient names them."""
ABOUT = frozenset({"Provenance", "Appointment"})
"""Types that name their patient among other references."""
_REFERENCE = re.compile(rb'"reference"\s*:\s*"([^"\\]+)"')
_UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Names:
    """How the resources of some documents are called, and what each name means as `Type/id`."""

    aliases: Mapping[str, str]
    bases: frozenset[str]

    def local(self, reference: str) -> str | None:
        """`Type/id` for a reference into these documents; None for one that leads out of them or is none."""
        named = reference.partition("/_history/")[0]
        if named in self.aliases:
            return self.aliases[named]
        if named.startswith(("urn:", "#")) or "?" in named:
            return None
        if "://" not in named:
            return named
        absolute = ABSOLUTE.fullmatch(named)
        return absolute["local"] if absolute is not None and absolute["base"] in self.bases else None


def names_of(document: Document, base: str | None = None) -> Names:
    """The names a document gives its own resources. `urn:uuid:` names hold within one document only."""
    aliases = {item.full_url: item.local for item in document.items if item.full_url}
    found = (ABSOLUTE.fullmatch(url) for url in aliases if not url.startswith("urn:"))
    bases = {match["base"] for match in found if match}
    return Names(aliases, frozenset(bases | ({base} if base else set())))


def bare_id(patient: str) -> str:
    """The id of `Patient/id` or of a bare id."""
    return patient.removeprefix("Patient/")


def chart_from(
    documents: Sequence[Document],
    patient: str,
    *,
    sole: bool = False,
    source: Literal["file", "server"] = "file",
    pulled: tuple[tuple[str, Pulled], ...] = (),
    base: str | None = None,
    notes: tuple[str, ...] = (),
) -> Chart:
    """The chart of one patient from everything a source holds about anyone.

    Args:
        documents: Files or answers, in order; a later one adds to an earlier one.
        patient: Bare id or `Patient/id`.
        sole: Whether the source as a whole is about this patient alone, so that a fact of another is an error.
        source: For the manifest.
        pulled: For the manifest, of a server.
        base: The server's base URL, so that its absolute references resolve.
        notes: For the manifest.

    Raises:
        EmptySource: no resource at all.
        UnknownPatient: the patient's own resource is not there.
        AnotherPatient: a fact of another patient stands in a document that is about this one alone.
        ConflictingCopies: one resource twice, in one version, with different content.
    """
    if not any(document.items for document in documents):
        raise EmptySource("the source holds no resource")
    asked = f"Patient/{bare_id(patient)}"
    membership = _Membership(asked, _identifiers(documents, asked))
    kept: dict[str, Item] = {}
    shared: dict[str, Item] = {}
    aliases: dict[str, str] = {}
    for document in documents:
        names = names_of(document, base)
        aliases.update(names.aliases)
        only = asked if sole else _only_person(document)
        for place, item in enumerate(document.items, start=1):
            home = membership.home(item, names, only, f"entry {place}, {item.header.resourceType}")
            if home is not None:
                _add(kept if home == "patient" or only == asked else shared, item)
    person = kept.pop(asked, None)
    if person is None:
        raise UnknownPatient("the source has no such patient")
    kept.update(_referenced(kept, shared, aliases))
    all_notes = (*notes, *(note for document in documents for note in document.notes), *membership.notes())
    return _chart(person, kept, aliases, Manifest(source, pulled or _page_states(documents), len(kept) + 1, all_notes))


def _only_person(document: Document) -> str | None:
    """The patient a document is about, when it holds exactly one Patient."""
    people = [item.local for item in document.items if item.header.resourceType == "Patient"]
    return people[0] if len(people) == 1 else None


class _Membership:
    """Decides whose a resource is, and counts what could not be decided."""

    def __init__(self, asked: str, identifiers: frozenset[tuple[str, str]]) -> None:
        self.asked = asked
        self.identifiers = identifiers
        self.left_out: Counter[str] = Counter()

    def home(self, item: Item, names: Names, only: str | None, where: str) -> Literal["patient", "shared"] | None:
        """Whether a resource is the asked patient's, may come along, or neither.

        Raises:
            AnotherPatient: it is of somebody else than `only`, the one patient its document is about.
        """
        kind = item.header.resourceType
        owners = self._owners_of(item, names)
        if only is not None and owners - {only, _UNREADABLE}:
            raise AnotherPatient("a resource of another patient in a source of one patient", where=where)
        if owners == {self.asked}:
            return "patient"
        if not owners and kind in SHARED:
            return "shared"
        if not owners - {self.asked, _UNREADABLE}:
            self.left_out[kind] += 1
        return None

    def _owners_of(self, item: Item, names: Names) -> set[str]:
        if item.header.resourceType == "Patient":
            return {item.local}
        return _named_patients(item, names) if item.header.resourceType in ABOUT else self.owners(item.header, names)

    def owners(self, header: Header | Inner, names: Names) -> set[str]:
        """`Patient/id` of everyone the header names as its patient; "unreadable" for a link that names nobody known."""
        found: set[str] = set()
        for links in (header.subject, header.patient, header.beneficiary, header.individual):
            if links is None:
                continue
            for link in links if isinstance(links, list) else (links,):
                found.add(self._person(link, names))
        for inner in header.contained:
            found |= self.owners(inner, names) - {_UNREADABLE}
        return {owner for owner in found if owner == _UNREADABLE or owner.startswith("Patient/")} if found else found

    def _person(self, link: Link, names: Names) -> str:
        if link.reference is not None:
            return names.local(link.reference) or _UNREADABLE
        identifier = link.identifier if isinstance(link.identifier, dict) else {}
        key = (str(identifier.get("system", "")), str(identifier.get("value", "")))
        return self.asked if key in self.identifiers else _UNREADABLE

    def notes(self) -> tuple[str, ...]:
        """What was left out of the chart, by type: a count, for the manifest."""
        left_out = sorted(self.left_out.items())
        return tuple(f"{count} {name} left out: not of a patient, or of one that cannot be told" for name, count in left_out)


def _identifiers(documents: Iterable[Document], asked: str) -> frozenset[tuple[str, str]]:
    """(system, value) of the asked patient, for logical references."""
    found = set()
    for item in (item for document in documents for item in document.items if item.local == asked):
        for identifier in objects(loads(item.raw).get("identifier")):
            if identifier.get("system") and identifier.get("value"):
                found.add((str(identifier["system"]), str(identifier["value"])))
    return frozenset(found)


def _named_patients(item: Item, names: Names) -> set[str]:
    found = (names.local(reference) for reference in _references(item.raw))
    return {reference for reference in found if reference and reference.startswith("Patient/")}


def _references(raw: bytes) -> Iterator[str]:
    return (match.decode() for match in _REFERENCE.findall(raw))


def _add(kept: dict[str, Item], item: Item) -> None:
    """Add an item, or settle which of two copies stands."""
    reference = item.local
    there = kept.get(reference)
    if there is None:
        kept[reference] = item
    elif there.raw != item.raw:
        kept[reference] = _newer(there, item)


def _newer(one: Item, other: Item) -> Item:
    if _age(one.header) == _age(other.header):
        if loads(one.raw) == loads(other.raw):
            return one
        raise ConflictingCopies("one resource twice with different content", where=one.header.resourceType)
    return max(one, other, key=lambda item: _age(item.header))


def _age(header: Header) -> tuple[str, int, str]:
    """Sorts versions: by `lastUpdated`, then by a numbered `versionId`."""
    version, updated = (header.meta.versionId, header.meta.lastUpdated) if header.meta else (None, None)
    number = int(version) if version and version.isdecimal() else -1
    return updated or "", number, version or ""


def _referenced(kept: Mapping[str, Item], shared: Mapping[str, Item], aliases: Mapping[str, str]) -> dict[str, Item]:
    """The shared resources that the patient's facts name, and what those name in turn."""
    found: dict[str, Item] = {}
    waiting = list(kept.values()) if shared else []
    while waiting:
        named = {match.decode() for match in _REFERENCE.findall(b"\n".join(item.raw for item in waiting))}
        local = {aliases.get(name, name) for name in (one.partition("/_history/")[0] for one in named)}
        fresh = {name: shared[name] for name in shared if name in local and name not in found}
        found.update(fresh)
        waiting = list(fresh.values())
    return found


def _page_states(documents: Iterable[Document]) -> tuple[tuple[str, Pulled], ...]:
    """A file that is one page of several is complete for no type."""
    from fhir.types import PULLED_TYPES

    return tuple((name, "truncated") for name in PULLED_TYPES) if any(document.partial for document in documents) else ()


def _chart(person: Item, kept: Mapping[str, Item], aliases: Mapping[str, str], manifest: Manifest) -> Chart:
    facts = tuple(map(_fact, kept.values()))
    nameless = (QualityIssue(item.local, "no_id", "id: none given, named by its document") for item in kept.values() if not item.header.id)
    plain = {name for name, local in aliases.items() if name[:9] == "urn:uuid:" and local.endswith("/" + name[9:])}
    odd = {name: local for name, local in aliases.items() if name not in plain and (local in kept or local == person.local)}
    return Chart(_fact(person), facts, manifest, tuple(nameless), odd, uuid_names=bool(plain))


def _fact(item: Item) -> Fact:
    header = item.header
    return Fact(sys.intern(header.resourceType), item.id, item.raw, header.meta.versionId if header.meta else None)
