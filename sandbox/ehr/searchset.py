"""A searchset Bundle, page by page: self and opaque next links, `search.mode` (FHIR R4 http.html#paging, bundle.html#searchset)."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import msgspec

from fhir.jsontext import dumps
from sandbox.ehr.access import INSUFFICIENT, Access
from sandbox.ehr.outcome import Refusal, operation_outcome
from sandbox.ehr.query import Query
from sandbox.ehr.search import included
from sandbox.ehr.store import Store, Version

_MOST_TOKENS = 20_000


@dataclass(frozen=True)
class Result:
    """What a search found, fixed at the time it was asked: later writes do not shift its pages."""

    query: Query
    matches: tuple[Version, ...]
    base: str
    self_url: str
    page_size: int
    access: Access
    """Whose request it was, and how far it reached: only the same may turn its pages."""


@dataclass(frozen=True)
class Page:
    """One page of a result, by the offset of its first match."""

    result: Result
    start: int


class Searchsets:
    """Writes pages, and remembers the ones a next link was given for."""

    def __init__(self, store: Store, *, gives_total: bool = True) -> None:
        """Take includes from `store`; `gives_total` says whether a Bundle tells its `total` unasked."""
        self.store = store
        self.gives_total = gives_total
        self._pages: OrderedDict[str, Page] = OrderedDict()

    def turn(self, token: str, access: Access) -> bytes:
        """The page that a next link names.

        Raises:
            Refusal: 410 for a token that was never given or is forgotten; 403 for another holder's, or with other scopes.
        """
        page = self._pages.get(token)
        if page is None:
            raise Refusal(410, "no such page: follow the next link of a search")
        if page.result.access != access:
            raise Refusal(403, "this page belongs to another token", INSUFFICIENT)
        return self.write(page, access)

    def write(self, page: Page, access: Access) -> bytes:
        """A page as a Bundle."""
        result = page.result
        end = page.start + result.page_size
        matches = result.matches[page.start : end]
        along = included(self.store, result.query, matches, access, result.base)
        entries = [_entry(each, "match", result.base) for each in matches] + [_entry(each, "include", result.base) for each in along]
        if result.query.ignored and page.start == 0:
            entries.append(_outcome_entry(result.query.ignored))
        links = [{"relation": "self", "url": result.self_url}]
        if end < len(result.matches) and result.page_size > 0:
            links.append({"relation": "next", "url": f"{result.base}/_page/{self._token(Page(result, end))}"})
        return dumps(_bundle(links, entries, len(result.matches) if self._tells_total(result.query) else None))

    def _tells_total(self, query: Query) -> bool:
        return query.summary_count or query.total in ("accurate", "estimate") or (self.gives_total and query.total != "none")

    def _token(self, page: Page) -> str:
        token = secrets.token_urlsafe(24)
        self._pages[token] = page
        if len(self._pages) > _MOST_TOKENS:
            self._pages.popitem(last=False)
        return token


def _entry(version: Version, mode: str, base: str) -> dict[str, Any]:
    return {"fullUrl": f"{base}/{version.local}", "resource": msgspec.Raw(version.raw), "search": {"mode": mode}}


def _bundle(links: list[dict[str, str]], entries: list[dict[str, Any]], total: int | None) -> dict[str, Any]:
    """Elements that are empty are left out: FHIR JSON has no empty arrays (json.html)."""
    bundle: dict[str, Any] = {"resourceType": "Bundle", "id": secrets.token_hex(8), "type": "searchset"}
    if total is not None:
        bundle["total"] = total
    bundle["link"] = links
    return bundle | ({"entry": entries} if entries else {})


def _outcome_entry(ignored: list[str]) -> dict[str, Any]:
    reason = f"ignored search parameters: {', '.join(sorted(set(ignored)))}"
    return {"resource": operation_outcome(400, reason, "warning"), "search": {"mode": "outcome"}}
