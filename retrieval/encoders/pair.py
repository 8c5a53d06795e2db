"""Two towers as one encoder: one for images, one for texts, of one space or of two."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.forms import Form
from retrieval.encoders.pictures import picture
from retrieval.encoders.tower import ImageTower, TextTower

BATCH = 64


@dataclass(frozen=True)
class Pair:
    """Satisfies `retrieval.cards.Encoder`. `name` and `licence` are what the model's own folder says."""

    image_tower: ImageTower
    text_tower: TextTower
    one_space: bool
    name: str
    licence: str | None

    @property
    def image_dimension(self) -> int:
        """Length of an image's vector."""
        return self.image_tower.dimension

    @property
    def text_dimension(self) -> int:
        """Length of a text's vector."""
        return self.text_tower.dimension

    @property
    def forms(self) -> dict[str, Form]:
        """How each tower runs here, and why: `images` and `texts`."""
        return {"images": self.image_tower.form, "texts": self.text_tower.form}

    @property
    def fingerprint(self) -> str:
        """SHA-256 over both towers' files and how they are used. The number format they run in is no part of it: see `forms`."""
        return hashlib.sha256(f"pair 1 {self.image_tower.fingerprint} {self.text_tower.fingerprint}".encode()).hexdigest()

    def images(self, batch: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Unit vectors [n, image_dimension] of images [rows, columns] in 0..1, 64 at a time.

        Raises:
            BadCase: for an image that is not two-dimensional, finite and within 0..1.
        """
        made = [self.image_tower.run([picture(image) for image in batch[start : start + BATCH]]) for start in range(0, len(batch), BATCH)]
        return _unit(np.concatenate(made)) if made else np.zeros((0, self.image_dimension), dtype=np.float32)

    def texts(self, batch: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors [n, text_dimension] of report texts; a row of zeros for a blank one."""
        rows = np.zeros((len(batch), self.text_dimension), dtype=np.float32)
        said = sorted((place for place, text in enumerate(batch) if text.strip()), key=lambda place: len(batch[place]))
        for start in range(0, len(said), BATCH):  # by length: texts of one batch are padded to the longest of them
            places = said[start : start + BATCH]
            rows[places] = _unit(self.text_tower.run([batch[place] for place in places]))
        return rows


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1), dtype=np.float32)
