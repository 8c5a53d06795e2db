"""The approximate index beside the vectors: an inverted file of 4-bit product codes, and what is known of it.

FAISS's fast scan of 4-bit codes (Andre et al., "Quicker ADC", 2019) looks at few lists and fetches more rows than were asked for;
the table scores those again from the vectors themselves. Measured at 100,000 x 384 (docs/retrieval.md), beside HNSW with 8-bit
codes at the same recall it takes two fifths of the time, a tenth of the memory, and a quarter of the time to build.
"""

from __future__ import annotations

import importlib
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from retrieval.errors import IndexCorrupt
from retrieval.vectors.asked import Kind, Vectors
from retrieval.vectors.engine import Pairs


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class NearPoint(_Strict):
    """A setting that was measured."""

    kind: Kind
    limit: int = Field(ge=1)
    """Neighbours asked for."""
    probes: int = Field(ge=1)
    """Lists looked at."""
    fetch: int = Field(ge=1)
    """Rows fetched, to be scored again."""
    recall: float = Field(ge=0, le=1)
    """Share of the true `limit` nearest among what was fetched, ties counted as found."""


class NearNote(_Strict):
    """What an approximate index is, for the manifest."""

    factory: str = Field(pattern=r"^IVF[1-9][0-9]{0,8},")
    """FAISS's name for it, e.g. `IVF1024,PQ96x4fs`."""
    rows: int = Field(ge=1)
    dimension: int = Field(ge=1)
    points: tuple[NearPoint, ...]
    """No point for a kind means that no setting found enough: the plan is exact."""

    @property
    def lists(self) -> int:
        """How many lists the rows are in."""
        return int(self.factory.partition(",")[0].removeprefix("IVF"))

    def point(self, kind: Kind, limit: int) -> NearPoint | None:
        """The cheapest setting measured for at least `limit` neighbours."""
        return min((one for one in self.points if one.kind == kind and one.limit >= limit), key=lambda one: one.limit, default=None)


class Near(Protocol):
    """An approximate index over a table's rows."""

    @property
    def note(self) -> NearNote:
        """What it is."""
        ...

    def fetch(self, columns: slice, queries: Vectors, probes: int, fetch: int) -> Pairs:
        """The rows, at most `fetch` for each of `queries` [q, columns], that look nearest in `probes` lists.

        Sorted by query, and for each query nearest first.
        """
        ...


class FaissNear:
    """A FAISS index and the bytes it was read from, which it may still use."""

    def __init__(self, index: Any, note: NearNote, data: NDArray[np.uint8] | None = None) -> None:
        """Search `index`; `data` is what it was mapped from."""
        self._index = index
        self._data = data
        self.note = note

    def fetch(self, columns: slice, queries: Vectors, probes: int, fetch: int) -> Pairs:
        """See `Near.fetch`."""
        whole = np.zeros((len(queries), self.note.dimension), dtype=np.float32)
        whole[:, columns] = queries
        rows = self._index.search(whole, fetch, params=_faiss().SearchParametersIVF(nprobe=probes))[1]
        query, place = np.nonzero(rows >= 0)
        return Pairs(query, rows[query, place])


def load_near(data: NDArray[np.uint8], note: NearNote) -> Near:
    """The index in `data`, a mapping whose hash the caller has checked: FAISS itself loads flipped bits in silence.

    Raises:
        IndexCorrupt: when the bytes are no such index of as many rows as long as `note` says.
    """
    faiss = _faiss()
    try:
        index = faiss.read_index(faiss.ZeroCopyIOReader(faiss.swig_ptr(data), data.size))
    except RuntimeError as error:  # FAISS raises nothing narrower
        raise IndexCorrupt("FAISS cannot read the approximate index", where="near.faiss") from error
    right = isinstance(index, faiss.IndexIVFPQFastScan) and index.metric_type == faiss.METRIC_INNER_PRODUCT
    if not right or (index.ntotal, index.d) != (note.rows, note.dimension):
        raise IndexCorrupt("the approximate index is not the one that the manifest describes", where="near.faiss")
    return FaissNear(index, note, data)


def _faiss() -> Any:
    """FAISS, imported where it is needed: loading the package must not load it."""
    return importlib.import_module("faiss")
