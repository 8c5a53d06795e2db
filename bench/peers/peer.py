"""What every peer offers."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Ids = NDArray[np.int64]
Rows = NDArray[np.float32]


class Opened(Protocol):
    """An index that can be searched."""

    def search(self, queries: Rows, k: int, setting: int, mask: Mask | None) -> Ids:
        """Ids [q, k] of the nearest by inner product, -1 where there are fewer; of rows in `mask` alone."""
        ...


class Peer(Protocol):
    """A library's index."""

    name: str
    settings: tuple[int, ...]
    """How many lists or how long a queue; (0,) where there is nothing to set."""
    most: int
    """Rows beyond which its build takes more than ten minutes of a core."""
    filters: bool
    """Whether it can filter."""

    def build(self, rows: Rows, path: Path) -> None:
        """Write an index of `rows` to `path`."""
        ...

    def open(self, rows: Rows, path: Path) -> Opened:
        """The index in `path`."""
        ...
