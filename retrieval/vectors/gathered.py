"""Copies of the rows that filters keep, from one query to the next: clinics ask through few filters, again and again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from threading import Lock

import numpy as np

from retrieval.vectors.engine import Held
from retrieval.vectors.kept import Rows


@dataclass(frozen=True, slots=True)
class _Copy:
    base: Rows
    held: Held


class Gathered:
    """The copies used last, within a budget of bytes. May be asked by several threads."""

    def __init__(self, rows: Held, budget: int) -> None:
        """Copy from `rows`, and hold `budget` bytes of copies at most."""
        self._rows = rows
        self._budget = budget
        self._copies: OrderedDict[Hashable, _Copy] = OrderedDict()
        self._lock = Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of all copies."""
        with self._lock:
            return sum(copy.held.nbytes for copy in self._copies.values())

    def of(self, name: Hashable, base: Rows) -> Held:
        """The rows `base`, copied now or before. A name that now stands for other rows is copied anew: a filter never leaks."""
        with self._lock:
            copy = self._copies.get(name)
            if copy is not None and (copy.base is base or np.array_equal(copy.base, base)):
                self._copies.move_to_end(name)
                return copy.held
        copy = _Copy(base, self._rows.gather(base))
        with self._lock:
            self._copies[name] = copy
            self._copies.move_to_end(name)
            while len(self._copies) > 1 and sum(one.held.nbytes for one in self._copies.values()) > self._budget:
                self._copies.popitem(last=False)
        return copy.held
