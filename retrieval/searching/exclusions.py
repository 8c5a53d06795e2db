"""Which cases a query may find: the rules against leaks, and the filters. Decided before any distance is looked at.

A report of a common pattern leaves out every report near to it, be they half of a library. That costs a few neighbours, not half
of them: of reports near to each other variety shows one. What is left out is counted, and the result says it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.cards import CaseCard, Filter, Query
from retrieval.errors import QueryRefused
from retrieval.generation.columns import Columns, Lookup
from retrieval.keys import NEAR_REPORT_BITS, NO_SKETCH, near, near_reports, word
from retrieval.searching.filters import base
from retrieval.vectors import Kept

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Eligible:
    """Which rows may be found, and why the others may not: each row counts under the first reason that hit it."""

    kept: Kept
    excluded: tuple[tuple[str, int], ...]


def eligible(columns: Columns, query: Query, near_duplicate_bits: int, gone: Rows) -> Eligible:
    """What `query` may find: never the same person or study, a near-duplicate image or report, an equal report, or a later case.

    Args:
        columns: Of all rows.
        query: Its `as_of` is a day; a case of that very day is not later.
        near_duplicate_bits: Images whose hashes differ in at most so many of 64 bits are one image.
        gone: Sorted rows that nothing may find: removed, or in quarantine.

    Raises:
        QueryRefused: a key is none that a keyring makes, and would exclude nobody.
    """
    hit = np.zeros(columns.cases, dtype=np.bool_)
    counts: list[tuple[str, int]] = []
    for reason, rows in (("removed or in quarantine", gone), *_leaks(columns, query, near_duplicate_bits)):
        counts.append((reason, len(rows) - int(np.count_nonzero(hit[rows]))))
        hit[rows] = True
    if columns.last_day > query.as_of.toordinal():
        later = columns.as_of > query.as_of.toordinal()
        counts.append(("later date", int(np.count_nonzero(later & ~hit))))
        hit |= later
    dropped = np.flatnonzero(hit)
    kept_by_filter = base(columns, query.only)
    counts += kept_by_filter.counts(without=dropped)
    return Eligible(
        Kept(kept_by_filter.rows, query.only, kept_by_filter.kept(dropped)),
        tuple((reason, counted) for reason, counted in counts if counted),
    )


def violated(card: CaseCard, query: Query, near_duplicate_bits: int) -> str | None:
    """The rule by which `card` must not be shown for `query`, or None. Looks at the card itself, and at whole keys."""
    rules = (
        ("same person", not query.persons.isdisjoint((card.person, *card.linked))),
        ("same study", card.study in query.studies),
        ("near-duplicate image", query.image_hash is not None and _near(card.image_hash, query.image_hash, near_duplicate_bits)),
        ("equal report", card.report_hash == query.report_hash),
        ("near-duplicate report", len(near_reports(_hashes(card.report_sketch), query.report_sketch or 0)) > 0),
        ("later date", card.as_of > query.as_of),
        ("filter", not _passes(card, query.only)),
    )
    return next((rule for rule, broken in rules if broken), None)


def _leaks(columns: Columns, query: Query, bits: int) -> Iterator[tuple[str, Rows]]:
    """(reason, the rows it hits, each once)."""
    yield "same person", _rows(columns.by_person, query.persons)
    yield "same study", _rows(columns.by_study, query.studies)
    if query.image_hash is not None:
        yield "near-duplicate image", columns.images.within(query.image_hash, bits)
    if query.report_hash is not None:
        yield "equal report", _rows(columns.by_report, frozenset({query.report_hash}))
    if query.report_sketch not in (None, NO_SKETCH):
        yield "near-duplicate report", columns.sketches.within(query.report_sketch, NEAR_REPORT_BITS)


def _rows(lookup: Lookup, keys: frozenset[str]) -> Rows:
    try:
        return lookup.rows(word(key) for key in keys)
    except ValueError as error:
        raise QueryRefused("a key of the query is no salted hash") from error


def _passes(card: CaseCard, only: Filter) -> bool:
    values = (
        (card.modality, only.modalities), (card.body_part, only.body_parts), (card.view, only.views), (card.age_band, only.age_bands),
        (card.sex, only.sexes), (card.site, only.sites), (card.licence, only.licences),
    )  # fmt: skip
    return all(wanted is None or value in wanted for value, wanted in values) and (only.since is None or card.as_of >= only.since)


def _near(one: int, other: int, bits: int) -> bool:
    return len(near(_hashes(one), other, bits)) > 0


def _hashes(one: int) -> NDArray[np.uint64]:
    return np.array([one], dtype=np.uint64)
