"""Vectors of texts, each made once: a model is asked about the same captions for every image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

MOST = 4096
"""Texts that are kept: all captions of one modality are some hundred."""


class Remembered:
    """`embed` behind a memory; safe to share between threads."""

    def __init__(self, embed: Callable[[Sequence[str]], F32]) -> None:
        self._embed = embed
        self._kept: dict[str, F32] = {}
        self._lock = Lock()

    def __call__(self, texts: Sequence[str]) -> F32:
        """Vectors [n, dimension] of one text or more, in order."""
        with self._lock:
            new = [text for text in dict.fromkeys(texts) if text not in self._kept]
            if len(self._kept) + len(new) > MOST:
                self._kept.clear()
                new = list(dict.fromkeys(texts))
            if new:
                self._kept.update(zip(new, self._embed(new), strict=True))
            return np.stack([self._kept[text] for text in texts])
