"""Where images are compared for the out-of-distribution gate of any model: the compact model's texture statistics.

A served model gives none, and the gate must not depend on what the gated model sees. So it is the same space for all.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.compact.files import SHIPPED, WEIGHTS, load_calibration, verify

if TYPE_CHECKING:
    from tools.med_vlm.compact.weights import Parts

F32 = NDArray[np.float32]


class Space:
    """The network that looks at an image for the gate. Safe to share between threads."""

    def __init__(self, parts: Parts, fingerprint: str) -> None:
        """`fingerprint`: SHA-256 of the weights. A gate fitted in one space says nothing in another."""
        self.fingerprint = fingerprint
        self._net = parts.net

    def look(self, image: F32) -> F32:
        """Texture [t] of a readable image (`compact.preprocess.problem` says nothing of it)."""
        import torch

        from tools.med_vlm.compact.preprocess import prepare

        with torch.inference_mode():
            texture = self._net(prepare(image, self._net.shape.size)[None]).texture[0]
        return np.asarray(texture.numpy(), dtype=np.float32)


@cache
def shipped_space() -> Space:
    """The space of the compact model that ships.

    Raises:
        ModelMissing: a file of the compact model is not there.
        ModelFilesChanged: a file is not the one its card describes.
    """
    from tools.med_vlm.compact.weights import load

    card = verify(SHIPPED)
    return Space(load(SHIPPED, load_calibration(SHIPPED)), card.files[WEIGHTS].sha256)
