"""What was made of the rows that filters keep, from one query to the next: clinics ask through few filters, again and again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, Protocol, TypeVar

import numpy as np

from retrieval.vectors.kept import Rows


class Sized(Protocol):
    """What takes memory."""

    @property
    def nbytes(self) -> int:
        """Bytes of it."""
        ...


Made = TypeVar("Made", bound=Sized)


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Made]):
    base: Rows
    made: Made


class Gathered(Generic[Made]):
    """What was made for the filters used last, within a budget of bytes. May be asked by several threads."""

    def __init__(self, make: Callable[[Rows], Made], budget: int) -> None:
        """Make by `make`, e.g. a copy of the rows, and hold `budget` bytes at most."""
        self._make = make
        self._budget = budget
        self._entries: OrderedDict[Hashable, _Entry[Made]] = OrderedDict()
        self._lock = Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of all that is held."""
        with self._lock:
            return self._size()

    def of(self, name: Hashable, base: Rows) -> Made:
        """What is made of the rows `base`, now or before. A name that now stands for other rows begins anew: a filter never leaks."""
        with self._lock:
            entry = self._entries.get(name)
            if entry is not None and (entry.base is base or np.array_equal(entry.base, base)):
                self._entries.move_to_end(name)
                return entry.made
        entry = _Entry(base, self._make(base))
        with self._lock:
            self._entries[name] = entry
            self._entries.move_to_end(name)
            while len(self._entries) > 1 and self._size() > self._budget:
                self._entries.popitem(last=False)
        return entry.made

    def _size(self) -> int:
        return sum(one.made.nbytes for one in self._entries.values())
