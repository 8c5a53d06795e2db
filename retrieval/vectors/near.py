"""The approximate index beside the vectors: an inverted file of 4-bit product codes, and what is known of it.

FAISS's fast scan of 4-bit codes (Andre et al., "Quicker ADC", 2019) looks at few lists and fetches more rows than were asked for;
the table scores those again from the vectors themselves. Measured at 100,000 x 384 (docs/retrieval.md), beside HNSW with 8-bit
codes at the same recall it takes two fifths of the time, a tenth of the memory, and a quarter of the time to build.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from retrieval.errors import IndexCorrupt
from retrieval.vectors.asked import Kind, Vectors, widened
from retrieval.vectors.codes import Codes, FaissCodes, KeptCodes, faiss_module, unpacked
from retrieval.vectors.engine import Pairs
from retrieval.vectors.kept import Rows

SPARSE = 0.9
"""Of a filter's share of all rows: where the lists that a query looks at hold a smaller one, the filter keeps what is unlike it."""


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
    share: float = Field(default=1.0, gt=0, le=1)
    """Share of the rows that might be found: all, or as many as a filter kept that was drawn at random."""


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

    def point(self, kind: Kind, limit: int, share: float = 1.0) -> NearPoint | None:
        """The cheapest setting for at least `limit` neighbours among a `share` of the rows; None where none was measured.

        Between two shares that were measured it has what either needs: fewer rows lie in more lists, and more rows lie closer
        together, so that more must be scored again to tell them apart.
        """
        under = max((one.share for one in self.points if one.share <= share), default=None)
        over = min((one.share for one in self.points if one.share >= share), default=None)
        for enough in sorted({one.limit for one in self.points if one.limit >= limit}):
            found = [one for one in self.points if (one.kind, one.limit) == (kind, enough)]
            low, high = ([one for one in found if one.share == bound] for bound in (under, over))
            if low and high:
                return _either(low[0], high[0])
        return None

    def whole(self, kind: Kind, limit: int) -> NearPoint | None:
        """The setting for at least `limit` neighbours that looks at every code, whatever share of the rows a filter keeps.

        It was measured among all rows, which lie closest together: of fewer, no more need to be scored again to tell them apart.
        """
        found = [one for one in self.points if one.kind == kind and one.limit >= limit and one.share == 1 and one.probes >= self.lists]
        return min(found, key=lambda one: (one.limit, -one.fetch), default=None)


def _either(low: NearPoint, high: NearPoint) -> NearPoint:
    return low.model_copy(
        update={
            "probes": max(low.probes, high.probes),
            "fetch": max(low.fetch, high.fetch),
            "recall": min(low.recall, high.recall),
        }
    )


@dataclass(frozen=True, slots=True)
class Selected:
    """The rows that a filter keeps, as an approximate index looks at them."""

    bits: NDArray[np.uint8]
    """A bit for each row, the first in the lowest."""
    by_list: NDArray[np.int64]
    """[lists] how many of them each list holds."""
    count: int

    @property
    def nbytes(self) -> int:
        """Bytes of it."""
        return self.bits.nbytes + self.by_list.nbytes


class Near(Protocol):
    """An approximate index over a table's rows."""

    @property
    def note(self) -> NearNote:
        """What it is."""
        ...

    def select(self, base: Rows) -> Selected:
        """The sorted rows `base`, for `fetch`."""
        ...

    def fetch(self, columns: slice, queries: Vectors, probes: int, fetch: int, only: Selected | None = None) -> Pairs:
        """The rows, at most `fetch` for each of `queries` [q, columns], that look nearest in `probes` lists.

        Sorted by query, and for each query nearest first. With `only` none but those rows; and none at all for a query whose lists
        hold so few of them (`SPARSE`) that what was measured under random filters says nothing of it.
        """
        ...

    def codes(self, base: Rows) -> KeptCodes:
        """The codes of the sorted rows `base`, to look at all of them."""
        ...


class FaissNear:
    """A FAISS index and the bytes it was read from, which it may still use."""

    def __init__(self, index: Any, note: NearNote, data: NDArray[np.uint8] | None = None) -> None:
        """Search `index`; `data` is what it was mapped from."""
        self._index = index
        self._data = data
        self.note = note

    @cached_property
    def lists(self) -> NDArray[np.int32]:
        """[rows] the list that each row is in."""
        faiss, held = faiss_module(), self._index.invlists
        lists = np.zeros(self.note.rows, dtype=np.int32)
        for number in range(self.note.lists):
            if size := held.list_size(number):
                lists[faiss.rev_swig_ptr(held.get_ids(number), size)] = number
        return lists

    def select(self, base: Rows) -> Selected:
        """See `Near.select`."""
        mask = np.zeros(self.note.rows, dtype=bool)
        mask[base] = True
        by_list = np.bincount(self.lists[base], minlength=self.note.lists)
        return Selected(np.packbits(mask, bitorder="little"), by_list, len(base))

    def codes(self, base: Rows) -> FaissCodes:
        """See `Near.codes`."""
        return FaissCodes(self._index.pq, self._codes[base], base)

    @cached_property
    def _codes(self) -> Codes:
        return unpacked(self._index)

    def fetch(self, columns: slice, queries: Vectors, probes: int, fetch: int, only: Selected | None = None) -> Pairs:
        """See `Near.fetch`."""
        whole = widened(queries, columns, self.note.dimension)
        if only is None and len(queries) == 1:  # alone FAISS is faster by itself
            rows = self._index.search(whole, fetch, params=faiss_module().SearchParametersIVF(nprobe=probes))[1]
        else:
            products, lists = self._nearest_lists(columns, queries, probes)
            if only is not None:
                lists[self._sparse(lists, only)] = -1
            rows = self._look(whole, products, lists, fetch, only)
        query, place = np.nonzero(rows >= 0)
        return Pairs(query, rows[query, place])

    def _nearest_lists(self, columns: slice, queries: Vectors, probes: int) -> tuple[Vectors, Rows]:
        """[q, probes] products with the lists' centres, and which they are: half the time FAISS takes, and known before it looks."""
        products: Vectors = queries @ self._centres[:, columns].T
        lists = np.argpartition(products, -probes, axis=1)[:, -probes:] if probes < products.shape[1] else None
        chosen = products if lists is None else np.take_along_axis(products, lists, axis=1)
        order = np.argsort(-chosen, axis=1)  # the nearest first: what is found early keeps much out
        return np.take_along_axis(chosen, order, axis=1), order if lists is None else np.take_along_axis(lists, order, axis=1)

    def _look(self, whole: Vectors, products: Vectors, lists: Rows, fetch: int, only: Selected | None) -> Rows:
        """[q, fetch] rows nearest in `lists`, -1 where there are fewer."""
        faiss, probes = faiss_module(), lists.shape[1]
        rows = np.empty((len(whole), fetch), dtype=np.int64)
        distances = np.empty((len(whole), fetch), dtype=np.float32)
        bits = None if only is None else faiss.IDSelectorBitmap(only.bits)
        parameters = faiss.SearchParametersIVF(nprobe=probes, sel=bits)
        at = faiss.swig_ptr
        self._index.search_preassigned_c(
            len(whole), at(whole), fetch, at(lists), at(products), at(distances), at(rows), False, parameters, None
        )
        return rows

    @cached_property
    def _centres(self) -> Vectors:
        """[lists, dimension]."""
        centres: Vectors = self._index.quantizer.reconstruct_n(0, self.note.lists)
        return centres

    def _sparse(self, lists: Rows, only: Selected) -> NDArray[np.bool_]:
        """[q] whether the lists of a query hold too few of the selected rows."""
        held, kept = self._sizes[lists].sum(axis=1), only.by_list[lists].sum(axis=1)
        return np.asarray(kept * self.note.rows < SPARSE * only.count * held, dtype=bool)

    @cached_property
    def _sizes(self) -> NDArray[np.int64]:
        return np.bincount(self.lists, minlength=self.note.lists)


def load_near(data: NDArray[np.uint8], note: NearNote) -> Near:
    """The index in `data`, a mapping whose hash the caller has checked: FAISS itself loads flipped bits in silence.

    Raises:
        IndexCorrupt: when the bytes are no such index of as many rows as long as `note` says.
    """
    faiss = faiss_module()
    try:
        index = faiss.read_index(faiss.ZeroCopyIOReader(faiss.swig_ptr(data), data.size))
    except RuntimeError as error:  # FAISS raises nothing narrower
        raise IndexCorrupt("FAISS cannot read the approximate index", where="near.faiss") from error
    right = isinstance(index, faiss.IndexIVFPQFastScan) and index.metric_type == faiss.METRIC_INNER_PRODUCT and not index.by_residual
    if not right or (index.ntotal, index.d) != (note.rows, note.dimension):
        raise IndexCorrupt("the approximate index is not the one that the manifest describes", where="near.faiss")
    return FaissNear(index, note, data)
