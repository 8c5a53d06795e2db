"""Which cases a query may find: the rules against leaks, and the filters. Decided before any distance is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.cards import Query
from retrieval.keys import hamming
from retrieval.store import Columns

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Eligible:
    """[n] rows that may be found, and why the others may not: each row counts under the first reason that hit it."""

    keep: Mask
    excluded: tuple[tuple[str, int], ...]


def eligible(columns: Columns, query: Query, near_duplicate_bits: int) -> Eligible:
    """What `query` may find: never the same person or study, a near-duplicate image, an equal report, or a later case."""
    keep = np.ones(len(columns.person), dtype=np.bool_)
    counts: list[tuple[str, int]] = []
    for reason, hit in _reasons(columns, query, near_duplicate_bits):
        counted = int((keep & hit).sum())
        if counted:
            counts.append((reason, counted))
        keep &= ~hit
    return Eligible(keep, tuple(counts))


def _reasons(columns: Columns, query: Query, bits: int) -> Iterable[tuple[str, Mask]]:
    yield "same person", _among(columns.person, query.persons)
    yield "same study", _among(columns.study, query.studies)
    if query.image_hash is not None:
        yield "near-duplicate image", hamming(columns.image_hash, query.image_hash) <= bits
    if query.report_hash is not None:
        yield "equal report", columns.report_hash == query.report_hash
    yield "later date", columns.as_of > query.as_of.toordinal()
    if query.modality is not None:
        yield "other modality", columns.modality != query.modality
    if query.view is not None:
        yield "other view", columns.view != query.view


def _among(column: NDArray[np.str_], keys: frozenset[str]) -> Mask:
    if not keys:
        return np.zeros(len(column), dtype=np.bool_)
    return np.isin(column, np.array(sorted(keys), dtype=np.str_))
