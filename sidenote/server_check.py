"""What a FHIR server can do, what Sidenote will ask of it, and what is missing: `sidenote doctor --fhir`.

No patient is asked for. The server's own word is taken for what it is; what it does is seen in the manifest of a review.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fhir.errors import RecordError, SourceMissing
from fhir.jsontext import loads
from fhir.server import ServerSource
from fhir.source import open_source
from fhir.types import PULLED_TYPES
from fhir.wire.exchange import Ask
from sidenote.doctor import Finding
from sidenote.servers import access_of
from sidenote.settings import Settings

if TYPE_CHECKING:
    from fhir.rest.capability import Capability

_OFFERS = {
    "launch-ehr": "EHR launch",
    "launch-standalone": "standalone launch",
    "client-public": "public clients",
    "client-confidential-symmetric": "client secrets",
    "client-confidential-asymmetric": "client keys",
    "sso-openid-connect": "sign-in",
    "permission-v2": "scopes v2",
}
"""Capabilities that Sidenote can use, in words."""
_ESSENTIAL = ("Patient", "Condition", "MedicationRequest", "AllergyIntolerance", "Observation", "DiagnosticReport", "ImagingStudy")
"""Without one of these a whole group of rules can only say that it cannot tell."""


async def examine_server(settings: Settings, base: str) -> tuple[Finding, ...]:
    """Ask a server what it is and offers. Asks `metadata` and `.well-known/smart-configuration`, and for a token where one is configured.

    Raises:
        SettingsInvalid: what is configured for it cannot be used.
        SourceError: `base` is no URL of a server.
    """
    source = open_source(base, access=lambda url: access_of(settings.server, url))
    if not isinstance(source, ServerSource):
        raise SourceMissing("not the base URL of a server: http://host/path or https://host/path")
    try:
        return await _examined(source)
    finally:
        await source.aclose()


async def _examined(source: ServerSource) -> tuple[Finding, ...]:
    began = time.perf_counter()
    try:
        capability = await source.client.capability()
    except RecordError as error:
        return (Finding("server", "missing", error.code, str(error)),)
    took = (time.perf_counter() - began) * 1000
    server = Finding(
        "server", "ok", capability.software or "a server without a name", f"FHIR {capability.release}, answered in {took:.0f} ms"
    )
    return (
        server,
        await _smart(source),
        await _authorization(source, capability),
        _way(source, capability),
        _types(capability),
        _order(capability),
        _images(source, capability),
        *_quirks(source),
    )


async def _smart(source: ServerSource) -> Finding:
    """What its authorization server says it offers (SMART App Launch 2.2, conformance); of any other text nothing is repeated."""
    ask = Ask("GET", f"{source.base}/.well-known/smart-configuration", {"Accept": "application/json"}, limit=1 << 16, with_token=False)
    try:
        answer = await source.wire.ask(ask)
        said = loads(answer.body) if answer.status == 200 else {}
    except RecordError as error:
        return Finding("SMART", "note", error.code, str(error))
    capabilities = said.get("capabilities")
    offered = [words for name, words in _OFFERS.items() if isinstance(capabilities, list) and name in capabilities]
    if not isinstance(said.get("token_endpoint"), str):
        return Finding("SMART", "note", "none", "no SMART configuration: neither a launch nor a backend service can be authorized")
    return Finding("SMART", "ok", ", ".join(offered) or "a token endpoint", "what its authorization server says it offers")


async def _authorization(source: ServerSource, capability: Capability) -> Finding:
    configured = source.access.authorization
    wanted = "SMART-on-FHIR" in capability.security or "OAuth" in capability.security
    if configured is None:
        if wanted:
            return Finding("authorization", "missing", "none configured", "the server asks for SMART-on-FHIR: give it a [[server]] entry")
        return Finding("authorization", "note", "none", "none configured, and the server does not say that it wants any")
    try:
        header = await configured.header()
    except RecordError as error:
        return Finding("authorization", "missing", error.code, str(error))
    kind = type(configured).__name__
    return Finding("authorization", "ok" if header else "missing", kind, "a token is at hand" if header else "there is no token")


def _way(source: ServerSource, capability: Capability) -> Finding:
    if source.access.plan.since:
        return Finding("pull", "ok", "type by type", "a window is configured, and $everything knows none")
    if capability.everything and "no-everything" not in source.client.quirks:
        return Finding("pull", "ok", "$everything", "declared by the server; what it brings none of is asked for by its type")
    why = "a quirk keeps from $everything" if capability.everything else "the server does not declare $everything"
    return Finding("pull", "ok", "type by type", f"{why}; {source.wire.limits.at_once} searches at once")


def _types(capability: Capability) -> Finding:
    lacking = [name for name in PULLED_TYPES if not capability.offers(name)]
    if not lacking:
        said = "all of them" if capability.types else "the server does not list its types: all are asked for"
        return Finding("types", "ok", f"{len(PULLED_TYPES)} of {len(PULLED_TYPES)}", said)
    essential = [name for name in lacking if name in _ESSENTIAL]
    reason = f"not offered: {', '.join(lacking)}; reviews say that they were not asked for"
    return Finding("types", "missing" if essential else "note", f"{len(PULLED_TYPES) - len(lacking)} of {len(PULLED_TYPES)}", reason)


def _order(capability: Capability) -> Finding:
    from fhir.rest.plan import DATED

    unsorted = [name for name, date in DATED.items() if capability.offers(name) and not capability.searches(name, date)]
    if not unsorted:
        return Finding("newest first", "ok", "every dated type", "a cut of a long record leaves out the oldest")
    return Finding("newest first", "note", f"not {', '.join(unsorted)}", "the date is not declared: a cut leaves out whatever comes last")


def _images(source: ServerSource, capability: Capability) -> Finding:
    servers = (*source.access.images, *source.access.plain_images)
    if servers:
        number = "1 image server" if len(servers) == 1 else f"{len(servers)} image servers"
        return Finding("images", "ok", number, "asked by DICOMweb where an ImagingStudy names them, and no other host")
    if not capability.offers("ImagingStudy"):
        return Finding("images", "note", "none", "no ImagingStudy is offered and no image server configured")
    return Finding(
        "images", "note", "the server's own", "no image server configured: only endpoints and attachments of the same origin are asked"
    )


def _quirks(source: ServerSource) -> tuple[Finding, ...]:
    from fhir.rest.quirks import QUIRKS

    return tuple(Finding("quirk", "note", name, QUIRKS[name]) for name in sorted(source.client.quirks))
