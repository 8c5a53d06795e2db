"""The compact model as an encoder of images and report texts for retrieval: both in one space of 384 dimensions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.compact.minilm import DIMENSION
from tools.med_vlm.compact.reader import CompactReader


class CompactEncoder:
    """Satisfies `retrieval.encoders.Encoder` over a loaded reader."""

    def __init__(self, reader: CompactReader) -> None:
        self.dimension: int = DIMENSION
        self.fingerprint: str = hashlib.sha256(f"compact-encoder-1:{reader.fingerprint}".encode()).hexdigest()
        self._reader = reader

    def images(self, batch: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Unit embeddings [n, 384] of images [rows, columns] in 0..1.

        Raises:
            ImageRefused: an array is no readable image.
        """
        return self._reader.embed(batch)

    def texts(self, batch: Sequence[str]) -> NDArray[np.float32]:
        """Unit embeddings [n, 384] of report texts; zeros for an empty text."""
        return self._reader.embed_texts(batch)
