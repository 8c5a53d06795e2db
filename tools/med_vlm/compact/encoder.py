"""The compact model as an encoder of images and report texts for retrieval: both in one space of 384 dimensions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.forms import Form
from retrieval.errors import BadCase
from tools.med_vlm.compact.minilm import DIMENSION
from tools.med_vlm.compact.reader import CompactReader
from tools.med_vlm.errors import ImageRefused


class CompactEncoder:
    """Satisfies `retrieval.cards.Encoder` over a loaded reader. To embed many cases, load that with `many`."""

    def __init__(self, reader: CompactReader) -> None:
        self.name: str = reader.name
        self.licence: str | None = reader.card.licence
        self.image_dimension: int = DIMENSION
        self.text_dimension: int = DIMENSION
        self.one_space: bool = True
        self.fingerprint: str = hashlib.sha256(f"compact-encoder-1:{reader.weights}".encode()).hexdigest()
        self._reader = reader

    @property
    def forms(self) -> dict[str, Form]:
        """How each side runs here, and why: `images` and `texts`. Loads what is not loaded yet."""
        return {"images": self._reader.embedder.form, "texts": self._reader.sentences.form}

    def images(self, batch: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Unit embeddings [n, 384] of images [rows, columns] in 0..1.

        Raises:
            BadCase: an array is no readable image.
        """
        try:
            return self._reader.embed(batch)
        except ImageRefused as error:
            raise BadCase("the encoder cannot read the image") from error

    def texts(self, batch: Sequence[str]) -> NDArray[np.float32]:
        """Unit embeddings [n, 384] of report texts; zeros for an empty text."""
        return self._reader.embed_texts(batch)
