"""Cases as queries: embedded as a build embeds them, asked as a review asks, with every rule against leaks in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from retrieval.building.embedding import batches, in_process
from retrieval.cards import CaseCard, Encoder, Query, SourceCase
from retrieval.vectors import Kind, Vectors

AFTER_ALL = date.max
"""A query of this day may find cases of every day."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A case to ask with: its card, and the unit vectors of its image and its report."""

    card: CaseCard
    image: Vectors
    text: Vectors


def embedded(encoder: Encoder, cases: Iterable[SourceCase], done: Callable[[int], None] = lambda count: None) -> tuple[Asking, ...]:
    """`cases` with their vectors, without those that a build would skip. `done` hears after each batch how many were seen so far."""
    asked: list[Asking] = []
    seen = 0
    for batch in in_process(encoder)(batches(cases)):
        pairs = zip(batch.cards, batch.vectors, strict=True)
        asked.extend(Asking(card, vector[: encoder.image_dimension], vector[encoder.image_dimension :]) for card, vector in pairs)
        seen += batch.seen
        done(seen)
    return tuple(asked)


def query(one: Asking, kind: Kind, check: str, *, k: int, known: Kind | None = None, as_of: date = AFTER_ALL) -> Query:
    """The case's query of `kind`, which never finds the case itself.

    Args:
        one: The case.
        kind: What of it is asked with.
        check: `Keyring.check` of the keyring that made its keys.
        k: How many neighbours are wanted.
        known: What of it is known, so that copies are excluded: what it is asked with, unless kinds are to be compared over
            the same cases.
        as_of: No later case is found.
    """
    card, known = one.card, known or kind
    return Query(
        image=None if kind == "text" else one.image,
        text=None if kind == "image" else one.text,
        as_of=as_of,
        k=k,
        key_check=check,
        persons=frozenset({card.person, *card.linked}),
        studies=frozenset({card.study}),
        image_hash=None if known == "text" else card.image_hash,
        report_hash=None if known == "image" else card.report_hash,
        report_sketch=None if known == "image" else card.report_sketch,
    )


def persons(asked: Sequence[Asking]) -> list[str]:
    """Whose each query is."""
    return [one.card.person for one in asked]
