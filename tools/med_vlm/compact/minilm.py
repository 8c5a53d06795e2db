"""Report text to vectors: the frozen all-MiniLM-L6-v2 that comes as a package, offline, sentence by sentence.

A report's vector is the mean of its sentences' vectors: order and length of a report then matter little, and the many
sentences that reports share are embedded once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from retrieval.encoders.forms import Form
    from retrieval.encoders.tower import TextTower

DIMENSION = 384
BATCH = 64

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


class SentenceCache:
    """Sentence vectors, each computed once. Holds report sentences in memory only; `limit` bounds how many.

    `many`: thousands will come, so that seconds of choosing a faster form pay.
    """

    def __init__(self, limit: int = 50_000, *, many: bool = False) -> None:
        self._limit, self._many = limit, many
        self._known: dict[str, NDArray[np.float32]] = {}

    @property
    def form(self) -> Form:
        """How the model runs here."""
        return _tower(many=self._many).form

    def vectors(self, texts: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """Unit vectors [384] of every distinct text.

        Raises:
            EncoderMissing: the packaged text model is not complete.
        """
        wanted = list(dict.fromkeys(texts))
        if len(self._known) + len(wanted) > self._limit:
            self._known.clear()
        new = sorted((text for text in wanted if text not in self._known), key=len)  # a batch is padded to its longest
        for start in range(0, len(new), BATCH):
            batch = new[start : start + BATCH]
            self._known.update(zip(batch, _embedded(batch, many=self._many), strict=True))
        return {text: self._known[text] for text in wanted}

    def mean_vectors(self, groups: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """The mean sentence vector of each group [n, 384], not scaled; zeros for a group without sentences."""
        known = self.vectors(text for group in groups for text in group)
        means = [np.mean([known[text] for text in group], axis=0) if group else np.zeros(DIMENSION) for group in groups]
        return np.asarray(means, dtype=np.float32).reshape(len(groups), DIMENSION)


def _tower(*, many: bool) -> TextTower:
    from retrieval.encoders.minilm import minilm

    return minilm(many=many)


def _embedded(texts: Sequence[str], *, many: bool) -> NDArray[np.float32]:
    rows = _tower(many=many).run(texts)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def centred_unit(vectors: NDArray[np.float32], centre: NDArray[np.float32]) -> NDArray[np.float32]:
    """Subtract what all reports share and scale to unit length [n, 384]; a vector of zeros stays zero.

    Reports resemble each other (cosines of 0.8 and more); what remains after the centre is what tells them apart.
    """
    moved = np.where(np.any(vectors != 0, axis=1, keepdims=True), vectors - centre, 0)
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.maximum(length, 1e-9), dtype=np.float32)
