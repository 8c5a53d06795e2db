"""One patient's chart: a frozen snapshot of every fact, with the original text it came from.

A Fact keeps the bytes it was read from, because a FHIR model round trip is not lossless (decimals lose their precision,
instants their form): what is hashed, cited and shown is the original.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from fhir.jsontext import elements, loads

_UUID = "urn:uuid:"
Pulled = Literal["complete", "refused", "truncated", "failed", "not asked"]


@dataclass(frozen=True)
class Fact:
    """One resource of the chart.

    `raw` is the resource's original JSON text (UTF-8). `body` is that text parsed, decimals as `decimal.Decimal`.
    """

    resource_type: str
    id: str
    raw: bytes = field(repr=False)
    version: str | None = None
    """`meta.versionId`, when the server gave one."""

    @property
    def reference(self) -> str:
        """The relative reference, e.g. `Observation/egfr-1`."""
        return f"{self.resource_type}/{self.id}"

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of `raw`, hexadecimal."""
        return hashlib.sha256(self.raw).hexdigest()

    @cached_property
    def body(self) -> Mapping[str, Any]:
        """The parsed resource. Treat it as read-only."""
        return MappingProxyType(loads(self.raw))

    def only(self, *names: str) -> Mapping[str, Any]:
        """Some elements of the resource, those of `names` that it has, without parsing and keeping the others.

        For looking over many facts: a body that was read stays parsed beside its text.
        """
        return self.body if "body" in self.__dict__ else elements(self.raw, names)


@dataclass(frozen=True, slots=True)
class QualityIssue:
    """Something wrong with a fact that was kept all the same: validation failure, unknown modifier, odd unit."""

    reference: str
    code: str
    detail: str
    """Which element and what about it; never the element's content."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How one resource type was asked of a server, and what came."""

    resource_type: str
    state: Pulled
    how: Literal["search", "everything", "read"]
    got: int
    """Resources of the type that came."""
    pages: int = 0
    total: int | None = None
    """How many the server says there are, when it says so."""
    since: str | None = None
    """Beginning of the window that was asked for (a FHIR date); None for all time."""
    reason: str | None = None
    """Why it is not complete, in a few words of ours: never the server's."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was asked of the source and what came: so that "none" and "not available" are never the same."""

    source: Literal["file", "server"]
    pulled: tuple[tuple[str, Pulled], ...]
    """Resource type and how its pull ended, sorted by type. A type that is not listed was not asked for."""
    resources: int
    notes: tuple[str, ...] = ()
    asked: tuple[Asked, ...] = ()
    """Of a server: one line a resource type, sorted by type."""

    def state(self, resource_type: str) -> Pulled:
        """How the pull of `resource_type` ended. A whole file is complete for every type."""
        found = dict(self.pulled).get(resource_type)
        if found is not None:
            return found
        return "complete" if self.source == "file" else "not asked"

    @property
    def incomplete(self) -> tuple[str, ...]:
        """The resource types of which something is missing."""
        return tuple(name for name, state in self.pulled if state != "complete")


@dataclass(frozen=True)
class Chart:
    """A patient's facts, indexed by resource type. Build it with `fhir.source.read_chart` or `chart_of`."""

    patient: Fact
    facts: tuple[Fact, ...]
    """Everything but the Patient, in the source's order."""
    manifest: Manifest
    quality: tuple[QualityIssue, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Other names of the facts in their source (odd `urn:uuid:` and so on) and the relative reference each means.

    A base URL with its last slash, which means nothing by itself, says that absolute URLs at it are relative references.
    """
    uuid_names: bool = False
    """Whether the source calls a fact `urn:uuid:` and its id: kept as one bit, since it is so for whole bundles."""

    @cached_property
    def _by_type(self) -> dict[str, tuple[Fact, ...]]:
        grouped: dict[str, list[Fact]] = {}
        for fact in self.facts:
            grouped.setdefault(fact.resource_type, []).append(fact)
        return {name: tuple(facts) for name, facts in grouped.items()}

    @cached_property
    def _by_reference(self) -> dict[str, Fact]:
        return {fact.reference: fact for fact in (self.patient, *self.facts)}

    @cached_property
    def _by_id(self) -> dict[str, str]:
        return {fact.id: fact.reference for fact in (self.patient, *self.facts)}

    def of_type(self, *resource_types: str) -> tuple[Fact, ...]:
        """All facts of these resource types, in the source's order within each type."""
        return tuple(fact for name in resource_types for fact in self._by_type.get(name, ()))

    @cached_property
    def _by_identifier(self) -> dict[tuple[str, str], tuple[Fact, ...]]:
        found: dict[tuple[str, str], dict[Fact, None]] = {}
        for fact in self:
            identifiers = fact.only("identifier").get("identifier")
            for one in identifiers if isinstance(identifiers, list) else ():
                if isinstance(one, Mapping):
                    found.setdefault((str(one.get("system", "")), str(one.get("value", ""))), {})[fact] = None
        return {pair: tuple(facts) for pair, facts in found.items()}

    def identified(self, system: str, value: str) -> tuple[Fact, ...]:
        """The facts, the Patient among them, that carry an identifier of this system and value; () without either."""
        return self._by_identifier.get((system, value), ()) if system and value else ()

    def get(self, reference: str) -> Fact | None:
        """The fact a reference names (relative, absolute, urn:uuid, versioned), or None.

        A dangling reference is not available, never guessed.
        """
        return self._by_reference.get(self.resolve(reference))

    def resolve(self, reference: str) -> str:
        """The relative, unversioned form of a reference of this source; as it is when it names nothing known here.

        >>> chart_of({"resourceType": "Patient", "id": "p"}).resolve("Condition/c/_history/2")
        'Condition/c'
        """
        named = reference.partition("/_history/")[0]
        if self.uuid_names and named.startswith(_UUID):
            named = self._by_id.get(named.removeprefix(_UUID), named)
        return self.aliases.get(named) or self._at_base(named) or named

    def _at_base(self, named: str) -> str | None:
        """`Type/id` of an absolute URL at the one base of the source, which stands among the aliases with its last slash."""
        if "://" not in named:
            return None
        base, _, local = named.rpartition("/")
        base, _, kind = base.rpartition("/")
        return f"{kind}/{local}" if f"{base}/" in self.aliases else None

    def __iter__(self) -> Iterator[Fact]:
        """The Patient, then every fact."""
        yield self.patient
        yield from self.facts

    @cached_property
    def sha256(self) -> str:
        """Hash of the snapshot: over every fact's reference and hash, sorted, so that the order does not matter."""
        lines = sorted(f"{fact.reference} {fact.version or '-'} {fact.sha256}" for fact in self)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def chart_of(patient: Mapping[str, Any], resources: Iterable[Mapping[str, Any]] = (), manifest: Manifest | None = None) -> Chart:
    """A Chart from parsed resources: for policy cases and tests, where a rule is checked with a dict and an assert."""
    facts = tuple(_fact(resource) for resource in resources)
    return Chart(_fact(patient), facts, manifest or Manifest("file", (), len(facts) + 1))


def _fact(resource: Mapping[str, Any]) -> Fact:
    from fhir.jsontext import dumps

    version = resource.get("meta", {}).get("versionId")
    return Fact(resource["resourceType"], resource["id"], dumps(resource), version)
