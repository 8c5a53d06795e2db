"""What a server says went wrong with an export: error files, NDJSON of OperationOutcomes (Bulk Data Access 2.0, `error`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator

from fhir.bulk.lines import LINE_LIMIT, lines_of
from fhir.errors import BadJson, NotFhir
from fhir.issues import issues_in
from fhir.jsontext import check, loads

Issue = tuple[str, str]
"""`severity` and `code` of an OperationOutcome's issue: its `diagnostics` may quote the record."""
UNREADABLE: Issue = ("error", "unreadable")
"""A line of an error file that is no OperationOutcome."""
_HARMLESS = frozenset({"information", "warning"})


async def issues_of(parts: AsyncIterator[bytes], limit: int = LINE_LIMIT) -> Counter[Issue]:
    """How often each issue stands in an error file."""
    found: Counter[Issue] = Counter()
    async for line in lines_of(parts, limit):
        found.update([UNREADABLE] if line.text is None else _issues(line.text))
    return found


def _issues(text: bytes) -> Iterator[Issue]:
    try:
        check(text)
        outcome = loads(text)
    except (BadJson, NotFhir):
        yield UNREADABLE
        return
    issues = issues_in(outcome)
    if outcome.get("resourceType") != "OperationOutcome" or not issues:
        yield UNREADABLE
    for severity, code in issues:
        yield severity or "unreadable", code or "unreadable"


def is_grave(issue: Issue) -> bool:
    """Whether something did not come because of it; whatever is neither information nor a warning counts."""
    return issue[0] not in _HARMLESS
