"""Whose is what: from the resources of a source to the Chart of one patient.

FHIR R4 compartment of Patient, by the elements that carry it (`subject`, `patient`, `beneficiary`, `individual`). A reference
may be relative, absolute, versioned, `urn:uuid:` or logical; whatever cannot be resolved is left out and counted, not guessed.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fhir.bounds import DEFAULT_BOUNDS, Bounds, Cut, cut
from fhir.bundles import ABSOLUTE, Document, Header, Inner, Item, Link
from fhir.chart import Asked, Chart, Fact, Manifest, Pulled, QualityIssue
from fhir.errors import AnotherPatient, ConflictingCopies, EmptySource, PatientReplaced, UnknownPatient
from fhir.jsontext import loads
from fhir.views import objects

SHARED = frozenset(
    {"Organization", "Practitioner", "PractitionerRole", "Medication", "Location", "Device", "Substance", "Endpoint", "Binary"}
)
"""Types without a patient of their own: they come along when a fact of the patient names them."""
_OF_SOMEBODY = frozenset({"Device"})
"""Of the shared ones, those that are a patient's when they say so: one that says nothing may be in stock, and is nobody's pacemaker."""
ABOUT = frozenset({"Provenance", "Appointment", "Binary"})
"""Types that name their patient among other references; a Binary by its `securityContext`."""
_REFERENCE = re.compile(rb'"reference"\s*:\s*"([^"\\]+)"')
_UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Names:
    """How the resources of some documents are called, and what each name means as `Type/id`."""

    aliases: Mapping[str, str]
    bases: frozenset[str]

    def _elsewhere(self, relative: str, base: str | None) -> bool:
        """Whether a relative reference, which holds at its resource's own base, names what only another base has (FHIR R4 Bundle)."""
        at_other = any(f"{other}/{relative}" in self.aliases for other in self.bases)
        return base is not None and at_other and f"{base}/{relative}" not in self.aliases

    def local(self, reference: str, base: str | None = None) -> str | None:
        """`Type/id` for a reference into these documents; None for one that leads out of them or is none.

        `base` is that of the resource the reference stands in, where its document says it.
        """
        named = reference.partition("/_history/")[0]
        if named in self.aliases:
            return self.aliases[named]
        if self._elsewhere(named, base):
            return None
        if named.startswith(("urn:", "#")) or "?" in named:
            return None
        if "://" not in named:
            return named
        absolute = ABSOLUTE.fullmatch(named)
        if absolute is None or absolute["base"] not in self.bases or self._elsewhere(absolute["local"], absolute["base"]):
            return None
        return absolute["local"]


def names_of(document: Document, base: str | None = None) -> Names:
    """The names a document gives its own resources. `urn:uuid:` names hold within one document only."""
    aliases = {item.full_url: item.local for item in document.items if item.full_url}
    found = (ABSOLUTE.fullmatch(url) for url in aliases if not url.startswith("urn:"))
    bases = {match["base"] for match in found if match}
    return Names(aliases, frozenset(bases | ({base} if base else set())))


def _at_home(names: Names, base: str | None, asked: str) -> Names:
    """The names, with the asked patient's own URL where a document has entries at the server's base.

    What such a document has from another base beside them is of that base's patient, even under the same id.
    """
    if base is None or not any(name.startswith(base + "/") for name in names.aliases):
        return names
    return replace(names, aliases={**names.aliases, f"{base}/{asked}": asked})


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
    asks: tuple[Asked, ...] = (),
    bounds: Bounds = DEFAULT_BOUNDS,
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
        asks: For the manifest, of a server.
        bounds: What is beyond them is left out, and the manifest says so.

    Raises:
        EmptySource: no resource at all.
        UnknownPatient: the patient's own resource is not there.
        PatientReplaced: the patient's record was merged into another.
        AnotherPatient: a fact of another patient stands in a document that is about this one alone.
        ConflictingCopies: one resource twice, in one version, with different content.
        RecordTooLarge: what must never be left out is beyond the bounds.
    """
    if not any(document.items for document in documents):
        raise EmptySource("the source holds no resource")
    asked = f"Patient/{bare_id(patient)}"
    membership = _Membership(asked, *_identifiers(documents, asked))
    kept: dict[str, Item] = {}
    shared: dict[str, Item] = {}
    aliases: dict[str, str] = {}
    for document in documents:
        names = _at_home(names_of(document, base), base, asked)
        merge(aliases, names.aliases)
        only = asked if sole else _only_person(document)
        for place, item in enumerate(document.items, start=1):
            home = membership.home(item, names, only, f"entry {place}, {item.header.resourceType}")
            if home is not None:
                own = home == "patient" or (only == asked and item.header.resourceType not in _OF_SOMEBODY)
                _add(kept if own else shared, item)
    person = kept.pop(asked, None)
    if person is None:
        raise UnknownPatient("the source has no such patient")
    linked = _linked_records(person)
    kept, short = _bounded(person, kept, shared, aliases, bounds)
    if sole:
        membership.left_out.update(item.header.resourceType for item in shared.values() if item.local not in kept)
    all_notes = (*notes, *linked, *(note for document in documents for note in document.notes), *membership.notes(), *short.notes)
    states = membership.states(pulled or _page_states(documents), short.truncated)
    manifest = Manifest(source, states, len(kept) + 1, all_notes, _as_kept(asks, short.truncated))
    return _chart(person, kept, aliases, manifest, base)


def _linked_records(person: Item) -> tuple[str, ...]:
    """A note on the patient's other records, which are never read along (FHIR R4 Patient.link).

    Raises:
        PatientReplaced: one of them replaces this one, which "must no longer be used" (FHIR R4 link-type).
    """
    links = objects(loads(person.raw).get("link"))
    if any(link.get("type") == "replaced-by" for link in links):
        raise PatientReplaced("the patient's record was replaced by another, which must be asked for instead")
    return (f"{len(links)} other records of the patient are linked and were not read",) if links else ()


def merge(aliases: dict[str, str], more: Mapping[str, str]) -> None:
    """Add a document's names to those of the others. One that two documents give to two resources names neither."""
    for name, local in more.items():
        aliases[name] = local if aliases.setdefault(name, local) == local else ""


def _bounded(
    person: Item, kept: Mapping[str, Item], shared: Mapping[str, Item], aliases: Mapping[str, str], bounds: Bounds
) -> tuple[dict[str, Item], Cut]:
    """The patient's facts within the bounds, then what those name, which may not break the bounds either."""
    own = cut((person, *kept.values()), bounds)
    left = {item.local: item for item in own.kept}
    left.update(_referenced(left, shared, aliases))
    whole = cut(tuple(left.values()), bounds)
    facts = {item.local: item for item in whole.kept if item is not person}
    return facts, Cut(whole.kept, own.notes + whole.notes, own.truncated | whole.truncated)


def _as_kept(asks: tuple[Asked, ...], cut_short: Collection[str]) -> tuple[Asked, ...]:
    """What was asked of a server, where a type that came whole was cut to fit the chart."""
    return tuple(
        replace(one, state="truncated", reason="more than a chart may hold")
        if one.state == "complete" and one.resource_type in cut_short
        else one
        for one in asks
    )


def _only_person(document: Document) -> str | None:
    """The patient a document is about, when it holds exactly one Patient."""
    people = [item.local for item in document.items if item.header.resourceType == "Patient"]
    return people[0] if len(people) == 1 else None


class _Membership:
    """Decides whose a resource is, and counts what could not be decided."""

    def __init__(self, asked: str, identifiers: frozenset[tuple[str, str]], others: frozenset[tuple[str, str]]) -> None:
        self.asked = asked
        self.identifiers = identifiers - others  # a number that two people share, as a family's insurance does, names neither
        self.others = others - identifiers
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
        return _named_patients(item, names) if item.header.resourceType in ABOUT else self.owners(item.header, names, _base_of(item))

    def owners(self, header: Header | Inner, names: Names, base: str | None) -> set[str]:
        """`Patient/id` of everyone the header names as its patient; "unreadable" for a link that names nobody known."""
        found: set[str] = set()
        for links in (header.subject, header.patient, header.beneficiary, header.individual):
            if links is None:
                continue
            for link in links if isinstance(links, list) else (links,):
                found.add(self._person(link, names, base))
        for inner in header.contained:
            found |= self.owners(inner, names, base) - {_UNREADABLE}
        return {owner for owner in found if owner == _UNREADABLE or owner.startswith("Patient/")} if found else found

    def _person(self, link: Link, names: Names, base: str | None) -> str:
        if link.identifier is None and link.reference is not None:  # so it is of almost every fact
            return names.local(link.reference, base) or _UNREADABLE
        identifier = link.identifier if isinstance(link.identifier, dict) else {}
        key = (str(identifier.get("system", "")), str(identifier.get("value", "")))
        if link.reference is not None:
            named = names.local(link.reference, base) or _UNREADABLE
            # a reference and an identifier that name two people name nobody
            return _UNREADABLE if named == self.asked and key in self.others else named
        return self.asked if key in self.identifiers else _UNREADABLE

    def states(self, pulled: tuple[tuple[str, Pulled], ...], cut_short: Collection[str]) -> tuple[tuple[str, Pulled], ...]:
        """How the pulls ended, where a type of which something was left out is not complete: what is missing may be this patient's."""
        from fhir.types import PULLED_TYPES

        found: dict[str, Pulled] = dict(pulled)
        short = {*cut_short, *(name for name in PULLED_TYPES if name in self.left_out)}
        found.update({name: "truncated" for name in short if found.get(name, "complete") == "complete"})
        return tuple(sorted(found.items()))

    def notes(self) -> tuple[str, ...]:
        """What was left out of the chart, by type: a count, for the manifest."""
        left_out = sorted(self.left_out.items())
        return tuple(f"{count} {name} left out: not of a patient, or of one that cannot be told" for name, count in left_out)


def _identifiers(documents: Iterable[Document], asked: str) -> tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
    """(system, value) of the asked patient and of everybody else, for logical references."""
    own: set[tuple[str, str]] = set()
    others: set[tuple[str, str]] = set()
    for item in (item for document in documents for item in document.items if item.header.resourceType == "Patient"):
        for identifier in objects(loads(item.raw).get("identifier")):
            if identifier.get("system") and identifier.get("value"):
                (own if item.local == asked else others).add((str(identifier["system"]), str(identifier["value"])))
    return frozenset(own), frozenset(others)


def _named_patients(item: Item, names: Names) -> set[str]:
    found = (names.local(reference) for reference in _references(item.raw))
    return {reference for reference in found if reference and reference.startswith("Patient/")}


def _references(raw: bytes) -> Iterator[str]:
    return (match.decode() for match in _REFERENCE.findall(plain_slashes(raw)))


def plain_slashes(raw: bytes) -> bytes:
    """JSON text whose slashes are not escaped (RFC 8259 7 allows it, and some servers escape each): for looking for references in it."""
    return raw.replace(b"\\/", b"/") if b"\\/" in raw else raw


def _add(kept: dict[str, Item], item: Item) -> None:
    """Add an item, or settle which of two copies stands."""
    reference = item.local
    there = kept.get(reference)
    if there is None:
        kept[reference] = item
    elif there.raw != item.raw:
        _require_one_thing(there, item)
        kept[reference] = _newer(there, item)


def _require_one_thing(one: Item, other: Item) -> None:
    """Two versions may follow each other; two servers' resources of one id, or two people of one id, may not.

    Raises:
        ConflictingCopies: their URLs are of two bases, or they are Patients of another birth date or sex.
    """
    if len({_base_of(one), _base_of(other)} - {None}) > 1:
        raise ConflictingCopies("one id at two addresses", where=one.header.resourceType)
    if one.header.resourceType == "Patient":
        bodies = loads(one.raw), loads(other.raw)
        if any(_differ(*(str(body.get(name, "")) for body in bodies)) for name in ("birthDate", "gender")):
            raise ConflictingCopies("two people of one id", where="Patient")


def _base_of(item: Item) -> str | None:
    """The address the item's document gives it, without `Type/id`."""
    if item.full_url is None or item.full_url.startswith("urn:"):
        return None
    found = ABSOLUTE.fullmatch(item.full_url)
    return found["base"] if found else None


def _differ(one: str, other: str) -> bool:
    """Whether two values contradict: `1950` and `1950-02-03` do not."""
    return not one.startswith(other) and not other.startswith(one)


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
        named = {match.decode() for match in _REFERENCE.findall(plain_slashes(b"\n".join(item.raw for item in waiting)))}
        local = {aliases.get(name, name) for name in (one.partition("/_history/")[0] for one in named)}
        fresh = {name: shared[name] for name in shared if name in local and name not in found}
        found.update(fresh)
        waiting = list(fresh.values())
    return found


def _page_states(documents: Iterable[Document]) -> tuple[tuple[str, Pulled], ...]:
    """A file that is one page of several, or that says itself that something is missing, is complete for no type."""
    from fhir.types import PULLED_TYPES

    return tuple((name, "truncated") for name in PULLED_TYPES) if any(document.partial or document.short for document in documents) else ()


def _chart(person: Item, kept: Mapping[str, Item], aliases: Mapping[str, str], manifest: Manifest, base: str | None) -> Chart:
    facts = tuple(map(_fact, kept.values()))
    nameless = (QualityIssue(item.local, "no_id", "id: none given, named by its document") for item in kept.values() if not item.header.id)
    plain = {name for name, local in aliases.items() if name[:9] == "urn:uuid:" and local.endswith("/" + name[9:])}
    held = {name: local for name, local in aliases.items() if name not in plain and (local in kept or local == person.local)}
    return Chart(_fact(person), facts, manifest, tuple(nameless), _by_base(held, aliases, base), uuid_names=bool(plain))


def _by_base(held: Mapping[str, str], aliases: Mapping[str, str], base: str | None) -> dict[str, str]:
    """The names, where the one base of a source stands for all URLs at it: most sources name every fact so."""
    found = (ABSOLUTE.fullmatch(name) for name in aliases if not name.startswith("urn:"))
    bases = {match["base"] for match in found if match} | ({base} if base else set())
    if len(bases) != 1:
        return dict(held)
    start = f"{bases.pop()}/"
    return {start: "", **{name: local for name, local in held.items() if name != start + local}}


def _fact(item: Item) -> Fact:
    header = item.header
    return Fact(sys.intern(header.resourceType), item.id, item.raw, header.meta.versionId if header.meta else None)
