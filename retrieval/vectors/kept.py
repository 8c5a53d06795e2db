"""Which rows may be found: what a filter keeps, less what is dropped for one query."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Kept:
    """The rows of `base`, or all where it is None, less `dropped`; both sorted and without repetition."""

    base: Rows | None
    base_name: Hashable
    """Identifies `base`: copies of its rows are kept under it from one query to the next."""
    dropped: Rows

    def count(self, total: int) -> int:
        """How many of `total` rows may be found."""
        return (total if self.base is None else len(self.base)) - len(self.dropped_places())

    def mask(self, total: int) -> NDArray[np.bool_]:
        """[total], which rows may be found."""
        mask = np.ones(total, dtype=bool)
        if self.base is not None:
            mask[:] = False
            mask[self.base] = True
        mask[self.dropped] = False
        return mask

    def dropped_places(self) -> Rows:
        """Where the dropped rows stand in the base; what is not in it is left out."""
        return self.dropped if self.base is None else places(self.dropped, self.base)


def places(rows: Rows, among: Rows) -> Rows:
    """Where those of `rows` that are in `among` stand in it; both sorted."""
    if not len(rows) or not len(among):
        return np.zeros(0, dtype=np.int64)
    at = np.searchsorted(among, rows)
    at[at == len(among)] = 0
    return np.asarray(at[among[at] == rows], dtype=np.int64)
