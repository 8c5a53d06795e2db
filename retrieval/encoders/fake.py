"""A declared test double: an encoder without a model. It passes the contract tests of the real one, and understands nothing.

Images are compared by their coarse grey pattern, texts by the words they share. A picture is not near the words that describe
it: the two spaces share nothing. Tests, and a demonstration without weights, may use it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.errors import BadCase

_GRID = 16
_VERSION = "hash encoder 2"
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class HashEncoder:
    """Deterministic projections of image statistics and words. `seed` makes encoders whose vectors must not meet."""

    dimension: int = 384
    seed: int = 0
    _projection: NDArray[np.float32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Draw the projection that `seed` fixes."""
        drawn = np.random.default_rng(self.seed).standard_normal((_GRID * _GRID, self.dimension))
        object.__setattr__(self, "_projection", drawn.astype(np.float32))

    @property
    def image_dimension(self) -> int:
        """Length of an image's vector: `dimension`."""
        return self.dimension

    @property
    def text_dimension(self) -> int:
        """Length of a text's vector: `dimension`."""
        return self.dimension

    @property
    def one_space(self) -> bool:
        """Never: a pattern of greys has nothing to do with words."""
        return False

    @property
    def fingerprint(self) -> str:
        """SHA-256 over name, dimension and seed: all that the vectors depend on."""
        return hashlib.sha256(f"{_VERSION} {self.dimension} {self.seed}".encode()).hexdigest()

    def images(self, batch: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Unit vectors [n, dimension] of images [rows, columns] in 0..1.

        Raises:
            BadCase: for an image that is not two-dimensional or holds values that are not finite.
        """
        return _unit([self._image(image) for image in batch], self.dimension)

    def texts(self, batch: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors [n, dimension] of texts; zeros for a text without words."""
        return _unit([self._text(text) for text in batch], self.dimension)

    def _image(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        if image.ndim != 2 or not np.isfinite(image).all():
            raise BadCase("image is not two-dimensional and finite")
        grid = np.asarray(Image.fromarray(image.astype(np.float32)).resize((_GRID, _GRID), Image.Resampling.BOX)).ravel()
        centred = grid - grid.mean()
        spread = float(np.linalg.norm(centred))
        pattern = centred / spread if spread > 1e-6 else np.full_like(grid, 1 / _GRID)
        return np.asarray(pattern @ self._projection, dtype=np.float32)

    def _text(self, text: str) -> NDArray[np.float32]:
        vector = np.zeros(self.dimension, dtype=np.float32)
        words = _WORD.findall(text.lower())
        for term in ("", *words, *(" ".join(pair) for pair in pairwise(words))) if words else ():
            drawn = int.from_bytes(hashlib.blake2b(f"{self.seed} {term}".encode(), digest_size=8).digest(), "big")
            vector[drawn % self.dimension] += 1 if drawn >> 63 else -1
        if words and not vector.any():
            vector[0] = 1
        return vector


def _unit(vectors: list[NDArray[np.float32]], dimension: int) -> NDArray[np.float32]:
    rows = np.array(vectors, dtype=np.float32).reshape(len(vectors), dimension)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1), dtype=np.float32)
