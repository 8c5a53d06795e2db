"""One patient, pulled from a server: `$everything` where it is offered, else every type at once; and what of it came.

Nothing that is missing is missing in silence: every type ends complete, refused, truncated, failed or not asked, with a reason
(`fhir.chart.Asked`). What `$everything` brought none of is asked for by its type, since "no medication" and "the server does not
give medications" look alike in it.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from fhir.assemble import SHARED, plain_slashes
from fhir.bundles import Document
from fhir.chart import Asked, Pulled
from fhir.errors import AccessRefused, NotThere, PagingEndless, RequestRefused, Unreachable
from fhir.rest.capability import Capability
from fhir.rest.client import FhirClient
from fhir.rest.plan import Plan, queries
from fhir.rest.quirks import Quirk
from fhir.rest.walk import CUT_OFF, Walk

_LONG = frozenset({"Observation", "Encounter", "Procedure"})
"""Types with the most pages. They are begun first: the last page of the longest search is the end of a pull."""
MOST_READ = 200
"""Medications and endpoints that are read one by one at most."""


@dataclass(frozen=True, slots=True)
class Pull:
    """Everything that came of one patient, and how it was asked."""

    documents: tuple[Document, ...]
    asked: tuple[Asked, ...]
    """One line a type, sorted by type."""
    notes: tuple[str, ...]


async def pull(client: FhirClient, patient: str, plan: Plan) -> Pull:
    """Pull one patient by bare id: the Patient itself and every type of the plan.

    Raises:
        NotThere: the server has no such patient.
        AccessRefused: it refuses the Patient itself.
        SourceError: an answer that cannot be believed; see `fhir.rest.walk.Walk.take`.
    """
    # side by side, and neither is cut off for the other's sake: what the server says of itself comes first when both fail
    capability, person = await asyncio.gather(client.capability(), client.read(f"Patient/{patient}"), return_exceptions=True)
    if isinstance(capability, BaseException):
        raise capability
    if isinstance(person, BaseException):
        raise person
    ends = asyncio.get_running_loop().time() + plan.deadline
    asking = _Asking(client, patient, plan, capability, ends)
    whole = await asking.everything()
    missing = {*plan.types} - {one.resource_type for one in whole.asked if one.got}
    if missing:
        found = await asking.by_type(tuple(name for name in plan.types if name in missing))
        whole = _joined(whole, _not_less_than(whole.documents, found))
    whole = _joined(whole, await _named_ones(client, whole.documents, ends))
    asked = sorted((_as_granted(one, plan) for one in whole.asked), key=lambda one: one.resource_type)
    return Pull((person, *whole.documents), tuple(asked), whole.notes)


@dataclass(frozen=True, slots=True)
class _Asking:
    """One patient of one server, and how both are to be asked."""

    client: FhirClient
    patient: str
    plan: Plan
    capability: Capability
    ends: float
    """When the pull must be over, by the clock of the event loop: for all its ways together."""

    async def everything(self) -> Pull:
        """All pages of `$everything`. Where it does not come whole it answers for no type: in no order, a part of it is any part."""
        pages: list[Document] = []
        if not self.capability.everything or "no-everything" in self.client.quirks or self.plan.since:
            return Pull((), (), ())
        came: set[str] = set()
        size = 0
        try:
            async with asyncio.timeout_at(self.ends - self.plan.deadline / 2), aclosing(self._all_pages()) as all_pages:
                async for page in all_pages:
                    pages.append(_of_types(page, self.plan.types))
                    came.update(item.local for item in page.items)
                    size += sum(len(item.raw) for item in page.items)
                    if len(came) > self.plan.bounds.facts or size > self.plan.bounds.text_bytes:
                        return Pull((), (), ())  # the searches bring the newest of each type; these are any
        except (AccessRefused, NotThere, RequestRefused, Unreachable, PagingEndless, TimeoutError):
            return Pull(tuple(pages), (), ())
        if any(page.short for page in pages) or self._more_than(came, pages):
            return Pull(tuple(pages), (), ())
        counts = Counter(item.header.resourceType for page in pages for item in page.items)
        return Pull(tuple(pages), tuple(Asked(name, "complete", "everything", counts[name], len(pages)) for name in self.plan.types), ())

    def _more_than(self, came: set[str], pages: Sequence[Document]) -> bool:
        """Whether the server counts more than it gave, or gave a full page alone and counts nothing, and links to nothing further."""
        total = max((page.total for page in pages if page.total is not None), default=None)
        return len(came) < total if total is not None else len(pages) == 1 and len(came) == self.plan.page

    def _all_pages(self) -> AsyncGenerator[Document]:
        return self.client.everything(self.patient, (("_count", str(self.plan.page)),))

    async def by_type(self, types: Sequence[str]) -> Pull:
        """Every type by its own search, all at once. A server that finds nothing at all for the bare id is asked for `Patient/ID` too."""
        offered = [name for name in types if self.capability.offers(name) and self.plan.granted(name) != "none"]
        found = await self._walks(offered, self.client.quirks)
        if not any(walk.got for walk in found):  # also when a type failed: it says nothing of the others
            asked_again = [walk.resource_type for walk in found if walk.state != "refused"]
            again = {walk.resource_type: walk for walk in await self._walks(asked_again, self.client.quirks | {"patient-long-form"})}
            if any(walk.got for walk in again.values()):
                found = [again.get(walk.resource_type, walk) for walk in found]
        strangers = sum(walk.strangers for walk in found)
        notes: tuple[str, ...] = (f"{strangers} entries of types that were not asked for left out",) if strangers else ()
        if "observation-by-category" in self.client.quirks and "Observation" in offered:
            notes += ("Observations of other categories than the standard ones were not asked for",)
        asked = [walk.asked() for walk in found]
        asked += [self._unasked(name) for name in types if name not in offered]
        return Pull(tuple(page for walk in found for page in walk.pages), tuple(asked), notes)

    def _unasked(self, resource_type: str) -> Asked:
        if self.capability.offers(resource_type):
            return Asked(resource_type, "refused", "search", 0, reason="outside the scopes that were granted")
        return Asked(resource_type, "not asked", "search", 0, reason="the server does not offer it")

    async def _walks(self, types: Sequence[str], quirks: frozenset[Quirk]) -> list[Walk]:
        walks = [Walk(name, self.plan.since.get(name)) for name in types]
        lanes = asyncio.Semaphore(self.client.wire.limits.at_once)  # whole searches: a next page never queues behind a first one
        ordered = sorted(walks, key=lambda walk: walk.resource_type not in _LONG)
        tasks = [asyncio.create_task(self._walk(walk, quirks, lanes)) for walk in ordered]
        if not tasks:
            return walks
        try:
            done, _ = await asyncio.wait(tasks, timeout=self._left(), return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:  # a fault or the deadline ends the pull: what else is under way must not outlive it
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return walks

    def _left(self) -> float:
        return max(0.0, self.ends - asyncio.get_running_loop().time())

    async def _walk(self, walk: Walk, quirks: frozenset[Quirk], lanes: asyncio.Semaphore) -> None:
        ends: list[tuple[Pulled, str | None]] = []
        async with lanes:
            for query in queries(walk.resource_type, self.patient, self.plan, self.capability, quirks):
                await walk.take(query, self.client.search(query), self.plan.bounds.most(walk.resource_type), self.plan.bounds.text_bytes)
                ends.append((walk.state, walk.reason))
        walk.state, walk.reason = next((end for end in ends if end[0] != "complete"), ends[-1])


def _not_less_than(documents: Sequence[Document], found: Pull) -> Pull:
    """What searches found, where a type of which `$everything` brought more than they did is not complete."""
    counts = Counter({item.local: item.header.resourceType for page in documents for item in page.items}.values())
    short = "$everything brought more of it than searches find"
    asked = (
        replace(one, state="truncated", reason=short) if one.state == "complete" and counts[one.resource_type] > one.got else one
        for one in found.asked
    )
    return replace(found, asked=tuple(asked))


def _as_granted(asked: Asked, plan: Plan) -> Asked:
    """A type of which the token grants a part is never complete, whatever the server says."""
    if asked.state == "complete" and plan.granted(asked.resource_type) == "part":
        return replace(asked, state="truncated", reason="the scopes that were granted hold a part of it")
    return asked


def _of_types(page: Document, types: Sequence[str]) -> Document:
    wanted = {*types, *SHARED, "Patient"}
    return replace(page, items=tuple(item for item in page.items if item.header.resourceType in wanted and item.mode != "outcome"))


async def _named_ones(client: FhirClient, documents: Sequence[Document], ends: float) -> Pull:
    """Medications and endpoints that facts name and that did not come along, read one by one."""
    there = {item.local for page in documents for item in page.items}
    # of another base a reference means another resource, whatever its id
    own = rb'"reference"\s*:\s*"(?:%s/)?((?:Medication|Endpoint)/[A-Za-z0-9\-.]{1,64})(?:"|/_history/)'
    own_ones = re.compile(own % re.escape(client.base).encode())
    named = {match.decode() for page in documents for item in page.items for match in own_ones.findall(plain_slashes(item.raw))}
    wanted = sorted(named - there)
    lanes = asyncio.Semaphore(client.wire.limits.at_once)  # the time a question is given begins when it is asked, not while it queues
    read = await asyncio.gather(*(_read(client, reference, lanes, ends) for reference in wanted[:MOST_READ]))
    asked = []
    for resource_type in ("Endpoint", "Medication"):
        found = [one for one, reference in zip(read, wanted, strict=False) if reference.startswith(resource_type + "/")]
        came = sum(isinstance(one, Document) for one in found)
        if found:
            lost = next((one for one in found if isinstance(one, str)), None)
            asked.append(Asked(resource_type, "truncated" if lost else "complete", "read", came, reason=lost))
    notes = (f"{len(wanted) - MOST_READ} medications or endpoints were not read",) if len(wanted) > MOST_READ else ()
    return Pull(tuple(one for one in read if isinstance(one, Document)), tuple(asked), notes)


async def _read(client: FhirClient, reference: str, lanes: asyncio.Semaphore, ends: float) -> Document | str:
    """The resource, or why it is not available. A dangling reference is a gap of the record, not a fault of the pull."""
    try:
        async with asyncio.timeout_at(ends), lanes:
            return await client.read(reference)
    except AccessRefused:
        return "the server refuses some"
    except (NotThere, RequestRefused):
        return "some are named and not there"
    except Unreachable:
        return "the server did not answer for some"
    except TimeoutError:
        return CUT_OFF


def _joined(first: Pull, second: Pull) -> Pull:
    """Both, where the second's word on a type stands."""
    renewed = {asked.resource_type for asked in second.asked}
    kept = tuple(asked for asked in first.asked if asked.resource_type not in renewed)
    return Pull(first.documents + second.documents, kept + second.asked, first.notes + second.notes)
