"""What is no longer on the server: NDJSON of transaction Bundles of DELETE requests (Bulk Data Access 2.0, `deleted`)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

from fhir.bulk.lines import LINE_LIMIT, BadLine, lines_of
from fhir.errors import BadJson, NotFhir
from fhir.jsontext import check, loads
from fhir.views import member, objects

_LOCAL = re.compile(r"(?:^|/)([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})$", re.ASCII)


async def deletions_of(parts: AsyncIterator[bytes], limit: int = LINE_LIMIT) -> tuple[frozenset[str], tuple[BadLine, ...]]:
    """`Type/id` of everything a file says was deleted, and the lines that say no such thing.

    A line is left out whole or taken whole: half of a deletion would leave the other half standing.
    """
    found: set[str] = set()
    bad: list[BadLine] = []
    async for line in lines_of(parts, limit):
        try:
            if line.text is None:
                raise BadJson("longer than allowed")
            check(line.text)
            found.update(list(_references(line.text)))
        except (BadJson, NotFhir) as error:
            bad.append(BadLine(line.number, "line_too_long" if line.text is None else error.code))
    return frozenset(found), tuple(bad)


def _references(text: bytes) -> Iterator[str]:
    bundle = loads(text)
    entries = list(objects(bundle.get("entry")))
    if bundle.get("resourceType") != "Bundle" or not entries:
        raise NotFhir("no Bundle of deletions")
    for entry in entries:
        request = entry.get("request")
        local = _LOCAL.search(str(member(request, "url")))
        if member(request, "method") != "DELETE" or local is None:
            raise NotFhir("an entry is no deletion of a resource")
        yield local[1]
