"""Evidence as the list shows it: one row for a text of a source, with every number that the run gave it."""

from __future__ import annotations

from agent.review import Review
from sidenote.render.layout import EVIDENCE_WORDS, Row, moment, rows, short_reference
from sidenote.web.wire.view import EvidenceView


def evidence_views(review: Review) -> tuple[EvidenceView, ...]:
    """What statements and policies point at, then the rest; each in the order of gathering."""
    return tuple(row_view(row, cited=cited) for cited in (True, False) for row in rows(review, cited=cited))


def row_view(row: Row, *, cited: bool) -> EvidenceView:
    """One row."""
    first = row.first
    return EvidenceView(
        ids=row.ids,
        kind=first.kind,
        label=EVIDENCE_WORDS[first.kind],
        text=first.text,
        reference=first.reference,
        where=short_reference(first.reference),
        when=moment(first.when) if first.when else "",
        status=first.status or "",
        quotes=tuple((quote.path, quote.text) for quote in first.quotes),
        based_on=first.based_on,
        region=first.region,
        image=first.reference.removeprefix("image:") if first.kind == "image_finding" else None,
        cited_by=row.claims,
        cited=cited,
    )
