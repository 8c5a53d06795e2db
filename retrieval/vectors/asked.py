"""What is asked of the vectors: unit rows, and the query of an image, of a report, or of both.

A stored row is [unit image, unit text], unweighted. A fused query is [w image, (1 - w) text], so that its product with a row is
w cos(image, image) + (1 - w) cos(text, text): a mean of two cosines. An image's or a text's query is compared with its own
columns alone. One matrix serves all three kinds, and another weight needs no other matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import BadVector, QueryRefused

Vectors = NDArray[np.float32]
Kind = Literal["image", "text", "fused"]
KINDS: tuple[Kind, ...] = ("image", "text", "fused")
_LENGTH_SLACK = 0.01


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Lengths of an image's and of a text's vector."""

    image: int
    text: int

    @property
    def total(self) -> int:
        """Columns of a row."""
        return self.image + self.text

    def columns(self, kind: Kind) -> slice:
        """The columns of a row that `kind` compares."""
        return slice(self.image if kind == "text" else 0, self.image if kind == "image" else self.total)


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as its columns are compared. Its product with them is a cosine, or the weighted mean of two."""

    kind: Kind
    vector: Vectors
    """[columns of the kind]; weighted when fused."""


def widened(queries: Vectors, columns: slice, width: int) -> Vectors:
    """[q, width] `queries` [q, columns] as long as a row: nothing is asked of the other columns."""
    whole: Vectors = np.zeros((len(queries), width), dtype=np.float32)
    whole[:, columns] = queries
    return whole


def ask(image: Vectors | None, text: Vectors | None, weight: float, dimensions: Dimensions) -> Asked:
    """The query for unit vectors of an image, of a text, or of both.

    Args:
        image: [dimensions.image], of length 1 within 1 %, or None.
        text: [dimensions.text], likewise.
        weight: Of the image's cosine when both are there, 0..1.
        dimensions: Of the rows that will be searched.

    Raises:
        QueryRefused: without a vector, or with one that is NaN, infinite, zero, or of another dimension.
    """
    unit_image = None if image is None else _checked(image, dimensions.image)
    unit_text = None if text is None else _checked(text, dimensions.text)
    if unit_image is not None and unit_text is not None:
        return Asked("fused", np.concatenate((unit_image * np.float32(weight), unit_text * np.float32(1 - weight))))
    if unit_image is not None:
        return Asked("image", unit_image)
    if unit_text is not None:
        return Asked("text", unit_text)
    raise QueryRefused("a query needs an image vector or a text vector")


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


def _checked(vector: Vectors, dimension: int) -> Vectors:
    if vector.shape != (dimension,):
        raise QueryRefused(f"a query vector is not of dimension {dimension}")
    rows, usable = unit_rows(vector[None], dimension, 1)
    if not usable[0]:
        raise QueryRefused("a query vector is NaN, infinite, zero or not of unit length")
    return np.asarray(rows[0], dtype=np.float32)
