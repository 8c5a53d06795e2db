"""What a server says it can do: its CapabilityStatement (FHIR R4 capabilitystatement.html), read once a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fhir.errors import NotFhir
from fhir.jsontext import loads
from fhir.release import refuse_version
from fhir.views import Element, codings, member, objects


@dataclass(frozen=True, slots=True)
class Ability:
    """What a server offers for one resource type."""

    interactions: frozenset[str] = frozenset()
    """TypeRestfulInteraction codes: read, vread, search-type, create, update and so on."""
    searches: frozenset[str] = frozenset()
    """Names of search parameters."""
    includes: frozenset[str] = frozenset()
    """`_include` values, such as `ImagingStudy:endpoint`."""
    operations: frozenset[str] = frozenset()
    """Names of operations without `$`."""
    versioning: str | None = None
    conditional_create: bool = False


@dataclass(frozen=True, slots=True)
class Capability:
    """A server's own word on itself. It may be wrong: an answer always weighs more."""

    release: str
    software: str | None = None
    """`software.name`: at most 80 characters, all of them printable."""
    types: Mapping[str, Ability] = field(default_factory=dict)
    operations: frozenset[str] = frozenset()
    """Of the whole system, without `$`."""
    security: frozenset[str] = frozenset()
    """Codes of `rest.security.service`, such as SMART-on-FHIR."""

    def offers(self, resource_type: str) -> bool:
        """Whether a type can be searched, as far as the server says; True when it says nothing of any type."""
        ability = self.types.get(resource_type)
        if not self.types:
            return True
        return ability is not None and (not ability.interactions or "search-type" in ability.interactions)

    def searches(self, resource_type: str, parameter: str) -> bool:
        """Whether a search parameter is declared for a type."""
        ability = self.types.get(resource_type)
        return ability is not None and parameter in ability.searches

    def includes(self, resource_type: str, value: str) -> bool:
        """Whether an `_include` is declared for a type, by its name or by `*`."""
        ability = self.types.get(resource_type)
        return ability is not None and not ability.includes.isdisjoint({value, "*"})

    @property
    def everything(self) -> bool:
        """Whether `Patient/[id]/$everything` is declared, for the type or, as some servers do, for the system."""
        ability = self.types.get("Patient")
        return "everything" in self.operations or (ability is not None and "everything" in ability.operations)


def read_capability(text: bytes) -> Capability:
    """The CapabilityStatement of a FHIR R4 server, strict about the release and tolerant of the rest.

    Raises:
        NotFhir: it is another resource.
        WrongRelease: `fhirVersion` is not 4.0.x, or is missing.
        BadJson: it is no JSON object.
    """
    statement = loads(text)
    if statement.get("resourceType") != "CapabilityStatement":
        raise NotFhir("the base URL does not answer with a CapabilityStatement")
    release = str(statement.get("fhirVersion"))
    refuse_version(release)
    name = member(statement.get("software"), "name")
    printable = "".join(one for one in name if one.isprintable())[:80].strip() if isinstance(name, str) else ""
    servers = [rest for rest in objects(statement.get("rest")) if rest.get("mode", "server") == "server"]
    types = {str(one.get("type")): _ability(one) for rest in servers for one in objects(rest.get("resource")) if one.get("type")}
    services = (service for rest in servers for service in objects(member(rest.get("security"), "service")))
    return Capability(
        release=release,
        software=printable or None,
        types=types,
        operations=frozenset(name for rest in servers for name in _names(rest.get("operation"))),
        security=frozenset(code for service in services for _, code in codings(service)),
    )


def _ability(declared: Element) -> Ability:
    interactions = (str(one.get("code", "")) for one in objects(declared.get("interaction")))
    versioning = declared.get("versioning")
    return Ability(
        interactions=frozenset(interactions),
        searches=frozenset(_names(declared.get("searchParam"))),
        includes=frozenset(str(one) for one in _list(declared.get("searchInclude"))),
        operations=frozenset(_names(declared.get("operation"))),
        versioning=versioning if isinstance(versioning, str) else None,
        conditional_create=declared.get("conditionalCreate") is True,
    )


def _names(declared: Any) -> tuple[str, ...]:
    return tuple(str(one.get("name", "")).removeprefix("$") for one in objects(declared) if one.get("name"))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
