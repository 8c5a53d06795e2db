"""What every way to multiply offers: rows are held where it works, and asked for whatever may be among the nearest.

An engine answers candidates, not results: the table scores each again in the same arithmetic, so that a CPU and a GPU, one
query and a batch, give the same distances to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.vectors.asked import Vectors
from retrieval.vectors.kept import Rows


@dataclass(frozen=True, slots=True)
class Pairs:
    """Positions of rows, each with the number of the query it is for: two arrays of one length."""

    query: Rows
    position: Rows


@dataclass(frozen=True, slots=True)
class Barred:
    """What may not be found: positions for single queries, and positions for all of them."""

    pairs: Pairs
    """Sorted by position."""
    for_all: NDArray[np.bool_] | None = None
    """[rows held], or None."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Nanoseconds an engine takes for one value of a row."""

    read: float
    """Reading it once, for one query or many."""
    multiply: float
    """Multiplying it for one of many queries."""
    pick: float | None
    """Copying it out of its row's place, reading it apart, which only a CPU does; None where to pass over the other rows is faster."""


@dataclass(frozen=True, slots=True)
class Room:
    """What copies of the rows that filters keep may take, where an engine holds them."""

    copies: int
    """Bytes of all of them."""
    value: int
    """Bytes of one value of a row."""


class Held(Protocol):
    """Rows where an engine can reach them."""

    @property
    def count(self) -> int:
        """How many rows."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of memory they take beyond the table's own."""
        ...

    def nearest(self, columns: slice, queries: Vectors, limit: int, barred: Barred) -> Pairs:
        """What may be among the `limit` nearest of each query [q, columns]: at least those, and never what is barred."""
        ...

    def gather(self, positions: Rows) -> Held:
        """A copy of some of the rows."""
        ...


class Engine(Protocol):
    """Holds rows."""

    @property
    def name(self) -> str:
        """E.g. `CPU`."""
        ...

    @property
    def rates(self) -> Rates:
        """How fast it is, for the plan."""
        ...

    @property
    def room(self) -> Room:
        """What it may hold beside the rows."""
        ...

    def hold(self, rows: Vectors) -> Held | None:
        """`rows` [n, columns], as they are or copied to where the engine works; None where they do not fit there."""
        ...
