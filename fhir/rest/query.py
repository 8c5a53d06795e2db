"""A search as data, and as the request it becomes. FHIR R4 search.html 3.1.1.

A search that names a person is sent by POST `_search`, with its parameters in the body: URLs stand in the logs of every proxy on
the way. Only a server that cannot do that is asked by GET, and then only for logical ids, never for identifiers, names or dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from fhir.wire.exchange import Ask

FORM = "application/x-www-form-urlencoded"
FHIR_JSON = "application/fhir+json"
HEADERS: Mapping[str, str] = {"Accept": FHIR_JSON, "Prefer": "handling=strict"}
"""A server that honours it refuses a parameter it does not know, instead of answering another question in silence."""
PAGE_BYTES = 64 * 1024 * 1024
_OPTIONAL = ("_sort", "_include", "_count", "_total")
"""Parameters a search can do without, in the order they are given up when a server refuses it."""


@dataclass(frozen=True, slots=True)
class Query:
    """One search of one type. Parameters repeat as FHIR has them: the same name twice is AND, a comma is OR."""

    resource_type: str
    parameters: tuple[tuple[str, str], ...] = ()

    def plus(self, *parameters: tuple[str, str]) -> Query:
        """The search with further parameters."""
        return replace(self, parameters=(*self.parameters, *parameters))

    def without(self, name: str) -> Query:
        """The search without any parameter of this name."""
        return replace(self, parameters=tuple(pair for pair in self.parameters if pair[0] != name))

    @property
    def simpler(self) -> Query | None:
        """The search without the next thing it can do without; None when nothing is left to give up."""
        present = {name for name, _ in self.parameters}
        spare = next((name for name in _OPTIONAL if name in present), None)
        return None if spare is None else self.without(spare)

    def by_get(self, base: str) -> Ask:
        """The search with its parameters in the URL."""
        query = urlencode(self.parameters, safe="/:|,")
        return Ask("GET", f"{base}/{self.resource_type}" + (f"?{query}" if query else ""), HEADERS, limit=PAGE_BYTES)

    def by_post(self, base: str) -> Ask:
        """The search with its parameters in the body. It changes nothing, so it may be repeated."""
        body, headers = urlencode(self.parameters).encode(), {**HEADERS, "Content-Type": FORM}
        return Ask("POST", f"{base}/{self.resource_type}/_search", headers, body, limit=PAGE_BYTES, repeatable=True)


def ignored(query: Query, self_url: str | None) -> tuple[str, ...]:
    """Names of the parameters that are not in the server's own account of the search (`link` self): it may have ignored them in silence.

    Nothing can be told from a server that gives no self link, or one without parameters although some were sent (an opaque one).
    """
    from urllib.parse import parse_qsl, urlsplit

    try:
        told = {name.partition(":")[0] for name, _ in parse_qsl(urlsplit(self_url or "").query, keep_blank_values=True)}
    except ValueError:  # no URL
        return ()
    sent = dict.fromkeys(name.partition(":")[0] for name, _ in query.parameters)
    if not told & set(sent):
        return ()
    return tuple(name for name in sent if name not in told)
