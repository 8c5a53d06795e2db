"""Which rows a filter keeps. Filters come back again and again, so what each keeps of a library is worked out once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from retrieval.cards import Filter
from retrieval.generation.columns import Columns

REMEMBERED = 32
"""Filters remembered for one library: 32 x 9 MB at a million rows at most."""
NO_FILTER = Filter()


@dataclass(frozen=True, eq=False, slots=True)
class Base:
    """What one filter keeps of a library."""

    rows: NDArray[np.int64] | None
    """Sorted rows; None when it keeps all."""
    reasons: tuple[str, ...]
    why: NDArray[np.uint8]
    """[n] 0 for a row that is kept, otherwise 1 + the place of its first reason; empty when all are kept."""
    left_out: NDArray[np.int64]
    """[1 + reasons] how many rows have each value of `why`."""

    def kept(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of `rows` that the filter keeps."""
        return rows if self.rows is None else rows[self.why[rows] == 0]

    def counts(self, without: NDArray[np.int64]) -> list[tuple[str, int]]:
        """(reason, how many rows it left out), rows of `without` not counted."""
        if self.rows is None:
            return []
        counted = self.left_out - np.bincount(self.why[without], minlength=len(self.left_out))
        return [(reason, int(number)) for reason, number in zip(self.reasons, counted[1:], strict=True) if number]


_KNOWN: WeakKeyDictionary[Columns, OrderedDict[Filter, Base]] = WeakKeyDictionary()
_LOCK = threading.Lock()


def base(columns: Columns, only: Filter) -> Base:
    """What `only` keeps of `columns`: remembered, or worked out now."""
    with _LOCK:
        known = _KNOWN.setdefault(columns, OrderedDict())
        if only in known:
            known.move_to_end(only)
            return known[only]
    made = worked_out(columns, only)
    with _LOCK:
        known[only] = made
        while len(known) > REMEMBERED:
            known.popitem(last=False)
    return made


def worked_out(columns: Columns, only: Filter) -> Base:
    """What `only` keeps of `columns`. A row that several parts of it leave out has the first as its reason."""
    if only == NO_FILTER:
        return Base(None, (), np.zeros(0, dtype=np.uint8), np.zeros(1, dtype=np.int64))
    why = np.zeros(columns.cases, dtype=np.uint8)
    reasons: list[str] = []
    for reason, left_out in _parts(columns, only):
        reasons.append(reason)
        why[left_out & (why == 0)] = len(reasons)
    return Base(np.flatnonzero(why == 0), tuple(reasons), why, np.bincount(why, minlength=len(reasons) + 1))


def _parts(columns: Columns, only: Filter) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    for reason, column, wanted in (
        ("other modality", columns.modality, only.modalities),
        ("other body part", columns.body_part, only.body_parts),
        ("other view", columns.view, only.views),
        ("other age band", columns.age_band, only.age_bands),
        ("other sex", columns.sex, only.sexes),
        ("other site", columns.site, only.sites),
        ("other licence", columns.licence, only.licences),
    ):
        if wanted is not None:
            yield reason, column.unwanted(wanted)
    if only.since is not None:
        yield "earlier date", columns.as_of < only.since.toordinal()
