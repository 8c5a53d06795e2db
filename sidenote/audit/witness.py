"""A row of every exchange with an EHR and its image servers: method, type, what was searched for, and how it was answered.

What was searched for stands in the row as it was asked, as R4 AuditEvent `entity.query` says: the audit holds PHI.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from fhir.wire.exchange import Ask
from sidenote.audit.events import Action, Entity, Who, exchanged
from sidenote.audit.store import Audit

_FHIR = re.compile(
    r"(?P<type>[A-Z][a-z][A-Za-z]*)(?:/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/(?P<version>[A-Za-z0-9\-.]{1,64}))?)?"
    r"(?:/(?P<operation>\$[a-z\-]+|_search))?"
)
"""What follows the base of a FHIR server (http.html#3.1.0)."""
_DICOM = re.compile(r"/studies(?:/|$)")
_LISTS = ("/studies", "/series", "/instances")
"""How the path of a search ends (PS3.18 10.6); whatever else is below `/studies` is fetched (10.4)."""
_ACTIONS: dict[str, Action] = {"read": "R", "vread": "R", "capabilities": "R", "wado-rs": "R", "create": "C", "update": "U", "delete": "D"}
"""Interaction -> action; everything else (searches, operations) is executed (IHE BALP: a query is E)."""


@dataclass(frozen=True, slots=True)
class SessionWitness:
    """Implements `fhir.wire.witness.Witness` for one session: no answer is handed on before its row is on the disk."""

    audit: Audit
    who: Who
    base: str = ""
    """Base URL of the FHIR server; without it the end of the path is taken for the interaction."""

    async def saw(self, ask: Ask, status: int | None) -> None:
        """See `Witness`.

        Raises:
            AuditDown: the row cannot be kept. The answer is dropped.
        """
        interaction, about = _interaction(ask, self.base)
        row = exchanged(self.who, _ACTIONS.get(interaction, "E"), interaction, status, (*about, *_query(ask)))
        await self.audit.append(row)


def _interaction(ask: Ask, base: str) -> tuple[str, tuple[Entity, ...]]:
    """Its code, and what it is about."""
    path = urlsplit(ask.url).path
    if _DICOM.search(path):
        return ("qido-rs" if path.rstrip("/").endswith(_LISTS) else "wado-rs"), (Entity("resource", path[-200:]),)
    inside = bool(base) and ask.url.startswith(base.rstrip("/") + "/")
    local = path.removeprefix(urlsplit(base).path.rstrip("/")).strip("/") if inside else path.strip("/")
    if local.rpartition("/")[2] == "metadata":
        return "capabilities", ()
    found = _FHIR.fullmatch(local) if inside else _at_the_end(local)
    if found is None:
        return "operation", (Entity("resource", local[-200:]),)
    reference = "/".join(part for part in (found["type"], found["id"]) if part)
    return _restful(ask.method, found), (Entity("resource", reference, found["type"]),)


def _at_the_end(path: str) -> re.Match[str] | None:
    """The longest end of a path that can be an interaction; a type without an id only where nothing else fits."""
    parts = path.split("/")
    found = (_FHIR.fullmatch("/".join(parts[-length:])) for length in (4, 3, 2, 1) if length <= len(parts))
    return next((one for one in found if one is not None), None)


def _restful(method: str, found: re.Match[str]) -> str:
    """Code of http://hl7.org/fhir/restful-interaction."""
    if found["operation"] == "_search" or (method in ("GET", "HEAD") and not found["id"]):
        return "search-type"
    if found["operation"]:
        return "operation"
    if method in ("GET", "HEAD"):
        return "vread" if found["version"] else "read"
    return {"POST": "create", "PUT": "update", "DELETE": "delete"}[method]


def _query(ask: Ask) -> tuple[Entity, ...]:
    """The search as it was asked: of the URL and, with POST `_search`, of the body. What is written is no query and is left out."""
    asked = urlsplit(ask.url).query
    if ask.method == "POST" and urlsplit(ask.url).path.endswith("/_search"):
        asked = "&".join(part for part in (asked, (ask.body or b"").decode("utf-8", "replace")) if part)
    names = sorted({part.partition("=")[0] for part in asked.split("&") if part})
    return (Entity("query", asked, " ".join(names)),) if asked else ()
