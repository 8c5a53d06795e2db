"""A client of one FHIR R4 server: capability, read, search, paging, create, update.

Every answer is checked against what was asked: media type, release, resource type, id. A `next` link is opaque and followed only to
an allowed origin; whatever else an answer links to is not followed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from fhir.bundles import Document, Item, next_link, read_document
from fhir.errors import ElsewhereRefused, NotFhir, NotThere, PagingEndless, RequestRefused, SourceError
from fhir.jsontext import check, loads
from fhir.rest.capability import Capability, read_capability
from fhir.rest.outcome import require_fhir, require_success
from fhir.rest.query import FHIR_JSON, PAGE_BYTES, Query
from fhir.rest.quirks import Quirk
from fhir.wire.exchange import Answer, Ask
from fhir.wire.origins import joined
from fhir.wire.wire import Wire

_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}")
_ETAG = re.compile(r'(?:W/)?"([^"]*)"')
_WRITTEN = re.compile(r"(?:^|/)(?P<local>[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})(?:/_history/(?P<version>[A-Za-z0-9\-.]{1,64}))?$")
_NO_POST = frozenset({404, 405, 415, 501})
MAX_PAGES = 400


@dataclass(frozen=True, slots=True)
class Written:
    """What a create or update left on the server."""

    reference: str
    version: str | None
    """Of the ETag, else of the Location; None when the server gives neither."""
    created: bool
    """False for an update, and for a create whose If-None-Exist found the resource already there."""


class FhirClient:
    """One FHIR base URL on one wire. It learns whether the server takes POST `_search`, and nothing else."""

    def __init__(self, wire: Wire, base: str, *, quirks: frozenset[Quirk] = frozenset(), max_pages: int = MAX_PAGES) -> None:
        """Nothing is asked yet. `max_pages` bounds one search."""
        self.wire, self.base, self.quirks = wire, base.rstrip("/"), quirks
        self._max_pages = max_pages
        self._capability: Capability | None = None
        self._asking = asyncio.Lock()
        self._posts = "get-search-only" not in quirks

    async def capability(self) -> Capability:
        """The server's CapabilityStatement, asked for once.

        Raises:
            NotFhir: there is none. WrongRelease: another release than R4. Others: see `fhir.wire.wire.Wire.ask`.
        """
        async with self._asking:
            if self._capability is None:
                try:
                    body = require_fhir(await self._get(f"{self.base}/metadata"))
                except (NotThere, RequestRefused):
                    raise NotFhir("the base URL has no CapabilityStatement") from None
                check(body)
                self._capability = read_capability(body)
        return self._capability

    async def read(self, reference: str) -> Document:
        """One resource, by `Type/id` (http.html#read).

        Raises:
            NotThere: the server does not have it, or no longer (Deleted).
            NotFhir: it answers with another resource than the one asked for.
            Others: see `fhir.rest.outcome.require_fhir` and `fhir.bundles.read_document`.
        """
        if not _REFERENCE.fullmatch(reference):
            raise NotThere("no reference of the form Type/id")
        document = await self._document(await self._get(f"{self.base}/{reference}"))
        if [item.local for item in document.items] != [reference]:
            raise NotFhir("the server answered with another resource than the one asked for")
        return document

    async def search(self, query: Query, *, private: bool = True) -> AsyncGenerator[Document]:
        """Every page of a search, in order, by `next` links only (search.html#paging).

        Args:
            query: What to search.
            private: Whether the parameters name a person: then they travel in a body where the server can do that.

        Raises:
            RequestRefused: the server answers with an OperationOutcome, whatever its status, or with nothing.
            PagingEndless: a `next` link that was followed already, or more pages than allowed.
            ElsewhereRefused: a `next` link to a host that is not on the list; nothing is asked there.
            Others: see `fhir.rest.outcome.require_fhir` and `fhir.bundles.read_document`.
        """
        answer = await self._first(query, private)
        async with aclosing(self._follow(answer)) as pages:
            async for page in pages:
                yield page

    async def everything(self, patient: str, parameters: tuple[tuple[str, str], ...] = ()) -> AsyncGenerator[Document]:
        """Every page of `Patient/[id]/$everything` (patient-operation-everything.html). Raises as `search` does."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        answer = await self._get(f"{self.base}/Patient/{patient}/$everything{query}")
        async with aclosing(self._follow(answer)) as pages:
            async for page in pages:
                yield page

    async def create(self, resource: bytes, *, if_none_exist: tuple[tuple[str, str], ...] = ()) -> Written:
        """Create a resource; with `if_none_exist` (search parameters, most often an identifier) only where none matches (http#ccreate).

        Without it a create is never repeated: a lost answer is not a lost resource.

        Raises:
            VersionConflict: several resources match (412). Others: see `fhir.rest.outcome.require_success`.
        """
        resource_type = str(loads(resource).get("resourceType"))
        headers = {"Accept": FHIR_JSON, "Content-Type": FHIR_JSON}
        if if_none_exist:
            headers["If-None-Exist"] = urlencode(if_none_exist)
        ask = Ask("POST", f"{self.base}/{resource_type}", headers, resource, repeatable=bool(if_none_exist))
        answer = require_success(await self.wire.ask(ask))
        return _written(answer, resource_type, created=answer.status == 201)

    async def update(self, resource: bytes, *, version: str) -> Written:
        """Replace a resource, if it is still at `version` (http.html#concurrency). Never repeated: who lost an answer reads again.

        Raises:
            VersionConflict: it is at another version by now. Others: see `fhir.rest.outcome.require_success`.
        """
        body = loads(resource)
        reference = f"{body.get('resourceType', '')}/{body.get('id', '')}"
        if not _REFERENCE.fullmatch(reference):
            raise RequestRefused("a resource without type or id cannot be updated")
        headers = {"Accept": FHIR_JSON, "Content-Type": FHIR_JSON, "If-Match": f'W/"{version}"'}
        answer = await self.wire.ask(Ask("PUT", f"{self.base}/{reference}", headers, resource, repeatable=False))
        return _written(require_success(answer), reference, created=answer.status == 201)

    async def _first(self, query: Query, private: bool) -> Answer:
        """The first page. A server that refuses the whole search is asked for the same with less beside it."""
        answer = await self._asked(query, private)
        while answer.status in (400, 422, 501) and (simpler := query.simpler) is not None:
            query = simpler
            answer = await self._asked(query, private)
        return answer

    async def _asked(self, query: Query, private: bool) -> Answer:
        if not private:
            return await self.wire.ask(query.by_get(self.base))
        if self._posts:
            answer = await self.wire.ask(query.by_post(self.base))
            if answer.status not in _NO_POST:
                return answer
        if not _only_logical_ids(query):
            raise RequestRefused("the server does not take searches by POST, and this one names a person by more than an id")
        by_get = await self.wire.ask(query.by_get(self.base))
        if by_get.status == 200:
            self._posts = False
        return by_get

    async def _follow(self, answer: Answer) -> AsyncGenerator[Document]:
        """The pages from this answer on. While one is read, the next is under way already: what takes long is the way, not the reading."""
        seen: set[str] = set()
        ahead: asyncio.Task[Answer] | None = None
        try:
            while True:
                linked = next_link(answer.body) if answer.status == 200 else None
                following = joined(answer.url, linked) if linked else None
                refusal = self._unfit(following, seen) if following is not None else None
                if following is not None and refusal is None:
                    ahead = asyncio.create_task(self._get(following))
                yield replace(_page(await self._document(answer)), next_url=following)
                if refusal is not None:
                    raise refusal
                if following is None or ahead is None:
                    return
                seen.add(following)
                answer, ahead = await ahead, None
        finally:
            if ahead is not None:
                await asyncio.sleep(0)  # or what was never begun is cancelled, which anyio reports on stderr
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)

    def _unfit(self, url: str, seen: set[str]) -> SourceError | None:
        """Why a next link is not followed; None when it is."""
        if not self.wire.origins.allows(url):
            return ElsewhereRefused("a next link leads to a host that is not on the list")
        if url in seen or len(seen) + 1 >= self._max_pages:
            return PagingEndless("the pages do not end")
        return None

    async def _get(self, url: str) -> Answer:
        return await self.wire.ask(Ask("GET", url, {"Accept": FHIR_JSON}, limit=PAGE_BYTES))

    async def _document(self, answer: Answer) -> Document:
        body = require_fhir(answer)
        return await asyncio.to_thread(read_document, body)


def _page(document: Document) -> Document:
    """One page of a search.

    Raises:
        RequestRefused: an OperationOutcome, which some servers send with status 200.
        NotFhir: another resource than a Bundle.
    """
    if document.bundle:
        return document
    if document.items:
        raise NotFhir("the server answered a search with another resource than a Bundle")
    raise RequestRefused("the server answered a search with an OperationOutcome")


def _only_logical_ids(query: Query) -> bool:
    """Whether no parameter can hold anything of a person but a logical id."""
    named = ("patient", "subject", "_id")
    return all(name.startswith("_") or name in named or name in ("category", "date") for name, _ in query.parameters)


def _written(answer: Answer, fallback: str, *, created: bool) -> Written:
    located = _WRITTEN.search(answer.headers.get("location", "") or answer.headers.get("content-location", ""))
    tag = _ETAG.fullmatch(answer.headers.get("etag", "").strip())
    version = tag[1] if tag else (located["version"] if located else None)
    reference = located["local"] if located else _from_body(answer) or fallback
    if not _REFERENCE.fullmatch(reference):
        raise SourceError("the server does not say what it made of what was written")
    return Written(reference, version, created)


def _from_body(answer: Answer) -> str | None:
    if not answer.body or answer.media_type not in (FHIR_JSON, "application/json"):
        return None
    items: tuple[Item, ...] = read_document(answer.body).items
    return items[0].local if items else None
