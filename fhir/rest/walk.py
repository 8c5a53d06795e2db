"""One search walked page by page, and how far it came: what went wrong is a state and a reason, never a silent gap."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from fhir.assemble import SHARED
from fhir.bounds import DEFAULT_BOUNDS
from fhir.bundles import Document
from fhir.chart import Asked, Pulled
from fhir.errors import (
    AccessRefused,
    BreakerOpen,
    DeadlinePassed,
    ElsewhereRefused,
    NotThere,
    Overloaded,
    PagingEndless,
    RequestRefused,
    Unreachable,
)
from fhir.rest.query import Query, ignored

CUT_OFF = "cut off by the time limit of the pull"


@dataclass
class Walk:
    """The pages of one type so far. It is filled while the walk goes on, so that a deadline loses nothing that came."""

    resource_type: str
    since: str | None = None
    pages: list[Document] = field(default_factory=list)
    got: int = 0
    size: int = 0
    """Bytes of what came, as text."""
    strangers: int = 0
    """Entries of a type that was not asked for (search.html 3.1.1.5.5: `_revinclude` and defaults of a server bring them)."""
    total: int | None = None
    state: Pulled = "failed"
    reason: str | None = CUT_OFF

    async def take(self, query: Query, pages: AsyncGenerator[Document], most: int, most_bytes: int = DEFAULT_BOUNDS.text_bytes) -> None:
        """Take the pages of a search one after another, until there are at least `most` resources of the type, or so many bytes of it.

        Raises:
            SourceError: an answer that cannot be believed (no FHIR, bad JSON, another release): that is no gap, it ends the pull.
        """
        first, before = len(self.pages), self.got
        self._end("failed", CUT_OFF)  # of several searches each may be the one that does not end
        try:
            async with aclosing(pages):
                async for page in pages:
                    self._add(page)
                    if (self.got - before >= most or self.size > most_bytes) and page.next_url is not None:
                        self._end("truncated", f"the {_order(query, page)} {self.got - before} were taken")
                        return
        except AccessRefused:
            self._end("refused", "the server refuses it")
        except (NotThere, RequestRefused):
            self._stopped("the server does not take the search")
        except PagingEndless:
            self._stopped("its pages do not end")
        except ElsewhereRefused:
            self._stopped("its next page is on another host")
        except Unreachable as error:
            self._stopped(_REASONS.get(type(error), "the server did not answer, or cut its answer off"))
        else:
            more = _more(query, self.pages[first:], self.strangers)
            self._end("truncated" if more else "complete", more)

    def asked(self) -> Asked:
        """How it was asked and how it ended, for the manifest."""
        state: Pulled = "truncated" if self.state == "failed" and self.pages else self.state
        short = self.since is not None and state == "complete"
        return Asked(
            resource_type=self.resource_type,
            state="truncated" if short else state,
            how="search",
            got=self.got,
            pages=len(self.pages),
            total=self.total,
            since=self.since,
            reason=f"asked from {self.since} on" if short else self.reason,
        )

    def _add(self, page: Document) -> None:
        kept = tuple(item for item in page.items if item.mode != "outcome")
        own = tuple(item for item in kept if item.header.resourceType == self.resource_type)
        along = tuple(item for item in kept if item.mode == "include" and item.header.resourceType in SHARED)
        self.strangers += len(kept) - len(own) - len(along)
        self.got += len(own)
        self.size += sum(len(item.raw) for item in own)
        self.total = self.total if page.total is None else page.total
        self.pages.append(replace(page, items=own + along))

    def _stopped(self, reason: str) -> None:
        self._end("truncated" if self.pages else "failed", reason)

    def _end(self, state: Pulled, reason: str | None) -> None:
        self.state, self.reason = state, reason


def _more(query: Query, pages: Sequence[Document], strangers: int) -> str | None:
    """Why there may be more than came although no next link says so; None when nothing speaks for it.

    Some servers have no next links at all. A first page that is as full as it may be is then the beginning of something. What stands
    on two pages came once: where pages shift while they are read, something else came on none. What is included is not counted.
    """
    own = [item for page in pages for item in page.items if item.header.resourceType == query.resource_type and item.mode != "include"]
    got = len({item.local for item in own})
    if not got and strangers:
        return "the server answered with other types alone"
    if (short := next((page.short for page in pages if page.short), None)) is not None:
        return short
    total = next((page.total for page in pages if page.total is not None), None)
    if total is not None:
        return f"the server counts {total} and gave {got}" if got < total else None
    full = dict(query.parameters).get("_count") == str(len(own))
    return "a full page and no link to the next" if len(pages) == 1 and full else None


def _order(query: Query, page: Document) -> str:
    """Whether those that came first are the newest: sorted, and the server's own account of the search does not leave that out."""
    names = {name for name, _ in query.parameters}
    return "newest" if "_sort" in names and "_sort" not in ignored(query, page.self_url) else "first"


_REASONS: dict[type[Unreachable], str] = {
    DeadlinePassed: "the server did not answer in time",
    BreakerOpen: "the server failed too often",
    Overloaded: "the server is too busy",
}
