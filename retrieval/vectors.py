"""The vectors of an index: one FAISS flat matrix that answers image, report and fused queries exactly.

Fusion: a case is stored as [sqrt(w) image, sqrt(1 - w) report], so that its inner product with a query made the same way is
w cos(image, image) + (1 - w) cos(report, report): a mean of two cosines, which stays a cosine of unit vectors. Dividing the
query's half by its root instead gives the plain cosine of one part, so one matrix serves all three kinds of query without a
second copy and without approximation. w = 0.5 gives both parts one voice each; the index stores the weight it was made with.

Filters are the normal case, and graph or inverted-file indexes lose most of their recall under them. So every search is an
exact scan over the rows that remain: gathered into one matrix product when few remain, through a FAISS selector when many do.
"""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import BadVector, IndexCorrupt, QueryRefused
from retrieval.manifest import Manifest

Vectors = NDArray[np.float32]
Kind = Literal["image", "text", "fused"]
FILE = "vectors.faiss"
KINDS: tuple[Kind, ...] = ("image", "text", "fused")

IMAGE_WEIGHT = 0.5
"""Weight of the image's cosine in a fused distance."""
GATHER_SHARE = 0.25
"""Below this share of kept rows, copying them beats walking past the others."""
_LENGTH_SLACK = 0.01


@dataclass(frozen=True, slots=True)
class Scan:
    """Rows nearest first with their distances (1 - cosine, 0..2), and how they were found."""

    rows: NDArray[np.int64]
    distances: NDArray[np.float32]
    plan: str
    plan_reason: str


def unit_rows(vectors: Vectors, dimension: int, count: int) -> tuple[Vectors, NDArray[np.bool_]]:
    """`vectors` with their lengths made exactly 1, and which of them were usable: finite and of length 1 within 1 %.

    Raises:
        BadVector: when they are not [count, dimension] at all.
    """
    if vectors.shape != (count, dimension):
        raise BadVector(f"vectors are not {count} of dimension {dimension}")
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    usable = np.abs(lengths - 1) <= _LENGTH_SLACK  # NaN compares false
    scaled = np.where(usable[:, None], vectors, 0) / np.where(usable, lengths, 1)[:, None]
    return scaled.astype(np.float32), usable


def fuse(images: Vectors, reports: Vectors, weight: float) -> Vectors:
    """Rows [n, 2 dimension] of the index for unit vectors [n, dimension] of the images and of the reports."""
    return np.hstack((images * np.sqrt(weight), reports * np.sqrt(1 - weight))).astype(np.float32)


def serialise(fused: Vectors) -> bytes:
    """The FAISS index (IndexFlatIP) over `fused` [n, 2 dimension] as bytes."""
    faiss = _faiss()
    index = faiss.IndexFlatIP(fused.shape[1])
    index.add(np.ascontiguousarray(fused, dtype=np.float32))
    return bytes(faiss.serialize_index(index).tobytes())


def deserialise(data: bytes, *, dimension: int, cases: int, weight: float) -> VectorTable:
    """The table in `data`, whose hash the caller has checked: FAISS itself loads flipped bits in silence.

    Raises:
        IndexCorrupt: when the bytes are no flat inner-product index of `cases` rows of 2 x `dimension`.
    """
    faiss = _faiss()
    try:
        index = faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))
    except RuntimeError as error:  # FAISS raises nothing narrower
        raise IndexCorrupt("FAISS cannot read the vectors", where="vectors.faiss") from error
    flat = isinstance(index, faiss.IndexFlatIP) and index.metric_type == faiss.METRIC_INNER_PRODUCT
    if not flat or index.d != 2 * dimension or index.ntotal != cases:
        raise IndexCorrupt("the vectors are not as many or as long as the manifest says", where="vectors.faiss")
    return VectorTable(index, dimension, weight)


def load(path: Path, manifest: Manifest) -> VectorTable:
    """The table in `path`. FAISS gets the very bytes whose hash was checked, not the file a second time.

    Raises:
        IndexCorrupt: when they are not the bytes that were written.
    """
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != manifest.files[path.name].sha256:
        raise IndexCorrupt("a file is not the one that was written", where=path.name)
    return deserialise(data, dimension=manifest.dimension, cases=manifest.cases, weight=manifest.image_weight)


class VectorTable:
    """A FAISS flat matrix [n, 2 dimension] and the weight it was fused with."""

    def __init__(self, index: Any, dimension: int, weight: float) -> None:
        """Keep `index` and a view of its rows: no copy is made."""
        self._index = index
        self._weight = weight
        self.dimension = dimension
        self.cases = int(index.ntotal)
        self.rows: Vectors = (
            _faiss().rev_swig_ptr(index.get_xb(), self.cases * 2 * dimension).reshape(self.cases, 2 * dimension)
            if self.cases
            else np.zeros((0, 2 * dimension), dtype=np.float32)
        )

    def part(self, kind: Kind) -> tuple[Vectors, float]:
        """(view of the rows that `kind` compares, factor that turns their inner product with unit vectors into a cosine)."""
        if kind == "image":
            return self.rows[:, : self.dimension], 1 / float(np.sqrt(self._weight))
        if kind == "text":
            return self.rows[:, self.dimension :], 1 / float(np.sqrt(1 - self._weight))
        return self.rows, 1.0

    def scan(self, image: Vectors | None, text: Vectors | None, keep: NDArray[np.bool_], limit: int) -> Scan:
        """The `limit` nearest of the kept rows. Exact, whatever the filter; fewer rows when fewer are kept, never a row -1.

        Args:
            image: Unit vector [dimension] or None.
            text: Unit vector [dimension] or None.
            keep: [n], which rows may be found.
            limit: At least 1.

        Raises:
            QueryRefused: without a vector, or with one that is NaN, zero, or of another dimension.
        """
        kind, query = self._query(image, text)
        kept = int(keep.sum())
        limit = min(limit, kept)
        if limit == 0:
            return Scan(np.zeros(0, np.int64), np.zeros(0, np.float32), "none", f"0 of {self.cases} cases remain")
        if kept < GATHER_SHARE * self.cases:
            return self._gathered(kind, query, np.flatnonzero(keep), limit)
        return self._selected(kind, query, keep, limit)

    def _query(self, image: Vectors | None, text: Vectors | None) -> tuple[Kind, Vectors]:
        """The kind of query and its vector, as `part` of that kind compares it."""
        parts = [self._checked(vector) for vector in (image, text) if vector is not None]
        if not parts:
            raise QueryRefused("a query needs an image vector or a text vector")
        if len(parts) == 2:
            return "fused", fuse(parts[0][None], parts[1][None], self._weight)[0]
        return ("text" if image is None else "image"), parts[0]

    def _checked(self, vector: Vectors) -> Vectors:
        if vector.shape != (self.dimension,):
            raise QueryRefused(f"a query vector is not of dimension {self.dimension}")
        rows, usable = unit_rows(vector[None], self.dimension, 1)
        if not usable[0]:
            raise QueryRefused("a query vector is NaN, infinite, zero or not of unit length")
        return np.asarray(rows[0], dtype=np.float32)

    def _gathered(self, kind: Kind, query: Vectors, rows: NDArray[np.int64], limit: int) -> Scan:
        part, factor = self.part(kind)
        distances = _distances(part[rows] @ query, factor)
        order = np.lexsort((rows, distances))[:limit]
        return Scan(rows[order], distances[order], "gathered exact scan", f"{len(rows)} of {self.cases} cases remain: few enough to copy")

    def _selected(self, kind: Kind, query: Vectors, keep: NDArray[np.bool_], limit: int) -> Scan:
        faiss = _faiss()
        whole = np.zeros((1, 2 * self.dimension), dtype=np.float32)
        start = self.dimension if kind == "text" else 0
        whole[0, start : start + len(query)] = query
        selector = faiss.IDSelectorBitmap(np.packbits(keep, bitorder="little"))
        scores, rows = self._index.search(whole, limit, params=faiss.SearchParameters(sel=selector))
        found = rows[0] >= 0
        distances = _distances(scores[0][found], self.part(kind)[1])
        order = np.lexsort((rows[0][found], distances))
        reason = f"{int(keep.sum())} of {self.cases} cases remain: too many to copy"
        return Scan(rows[0][found][order], distances[order], "FAISS flat scan with a selector", reason)


def _distances(products: Vectors, factor: float) -> Vectors:
    return np.asarray(np.clip(1 - products * np.float32(factor), 0, 2), dtype=np.float32)


def _faiss() -> Any:
    """FAISS, imported where it is needed: loading the package must not load it."""
    return importlib.import_module("faiss")
