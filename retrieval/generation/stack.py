"""The segments of one generation as one: rows are numbered across them, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retrieval.cards import CaseCard
from retrieval.generation.columns import Columns
from retrieval.store import CardStore
from retrieval.vectors import Asked, Dimensions, Kept, Scan, Vectors, VectorTable

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Segment:
    """Cases that were written together."""

    name: str
    first: int
    """Number of its first row across the generation."""
    table: VectorTable
    cards: CardStore

    @property
    def stop(self) -> int:
        """Number of the row behind its last."""
        return self.first + self.table.cases

    def slice_of(self, rows: Rows) -> slice:
        """Where in `rows`, which are sorted, this segment's stand."""
        return slice(*np.searchsorted(rows, (self.first, self.stop)).tolist())


@dataclass(frozen=True)
class Stack:
    """Segments read as one table. All row numbers here count across the segments. Safe to use from several threads."""

    segments: tuple[Segment, ...]
    columns: Columns
    """Of all rows, what is gone included."""
    gone: Rows
    """Sorted rows that are never found: removed, or in quarantine."""
    dimensions: Dimensions

    @property
    def cases(self) -> int:
        """How many rows there are, what is gone included."""
        return self.segments[-1].stop if self.segments else 0

    @cached_property
    def _firsts(self) -> Rows:
        return np.array([segment.first for segment in self.segments], dtype=np.int64)

    def close(self) -> None:
        """Close the cards of all segments."""
        for segment in self.segments:
            segment.cards.close()

    def vectors(self, rows: Rows) -> Vectors:
        """[m, image dimension + text dimension] of `rows` [m], which may stand in any order."""
        found = np.empty((len(rows), self.dimensions.total), dtype=np.float32)
        holder = np.searchsorted(self._firsts, rows, side="right") - 1
        for number in np.unique(holder).tolist():
            segment, here = self.segments[number], holder == number
            found[here] = segment.table.rows[rows[here] - segment.first]
        return found

    def card(self, row: int) -> CaseCard:
        """The card of `row`.

        Raises:
            IndexCorrupt: when card, row number and vector are not those that were written together.
        """
        segment = self.segments[int(np.searchsorted(self._firsts, row, side="right")) - 1]
        return segment.cards.card(row - segment.first, segment.table.rows[row - segment.first])

    def scan(self, asked: Asked, kept: Kept, limit: int) -> Scan:
        """The `limit` nearest of the rows that `kept` leaves and that are not gone; fewer when fewer are left."""
        return self._merged([segment.table.scan(asked, self._local(segment, kept), limit) for segment in self.segments], limit)

    def scan_many(self, asked: Sequence[Asked], kept: Sequence[Kept], limit: int) -> list[Scan]:
        """The same for several queries of one kind at once."""
        parts = [segment.table.scan_many(asked, [self._local(segment, one) for one in kept], limit) for segment in self.segments]
        return [self._merged(list(scans), limit) for scans in zip(*parts, strict=True)]

    def _local(self, segment: Segment, kept: Kept) -> Kept:
        """`kept` in the row numbers of `segment`, without what is gone."""
        if len(self.segments) == 1 and not len(self.gone):
            return kept
        base = None if kept.base is None else kept.base[segment.slice_of(kept.base)] - segment.first
        dropped = kept.dropped[segment.slice_of(kept.dropped)]
        gone = self.gone[segment.slice_of(self.gone)]
        if len(gone):
            dropped = np.union1d(dropped, gone)
        return Kept(base, kept.base_name, dropped - segment.first)

    def _merged(self, scans: Sequence[Scan], limit: int) -> Scan:
        """One answer of the answers of all segments, nearest first, ties by row."""
        if len(scans) == 1:
            return scans[0]
        rows = np.concatenate([scan.rows + segment.first for scan, segment in zip(scans, self.segments, strict=True)])
        distances = np.concatenate([scan.distances for scan in scans])
        order = np.lexsort((rows, distances))[:limit]
        plans = list(dict.fromkeys(scan.plan for scan in scans))
        reasons = "; ".join(f"{segment.name}: {scan.plan_reason}" for scan, segment in zip(scans, self.segments, strict=True))
        return Scan(rows[order], distances[order], f"{' and '.join(plans)} in {len(scans)} segments", reasons)
