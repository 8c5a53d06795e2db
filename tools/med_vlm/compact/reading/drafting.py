"""A report drafted by retrieval: sentences of other reports, kept only where every finding they speak of is what the heads say.

The nearest sentences to the image are proposed (CXR-RePaiR, Endo et al., ML4H 2021) and ranked again by how much they state
that agrees (X-REM, Jeong et al., MIDL 2023). Each names the report and the characters it was taken from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fhir.codes import Side
from tools.med_vlm.compact.reading.calibration import Frozen
from tools.med_vlm.reading import FindingReading, Sentence

SIDES: Mapping[str | None, Side | None] = {None: None, "left": "left", "right": "right", "bilateral": "bilateral"}


class Stated(Frozen):
    """One finding a sentence states or denies."""

    key: str
    presence: Literal["present", "absent"]
    side: Side | None = None

    @classmethod
    def of(cls, key: str, polarity: str, side: str | None) -> Stated | None:
        """A statement, or None for a doubt."""
        if polarity == "present":
            return cls(key=key, presence="present", side=SIDES[side])
        return cls(key=key, presence="absent") if polarity == "absent" else None

    def agrees(self, finding: FindingReading) -> bool:
        """Whether the heads say the same; a sentence that names a side needs that very side."""
        return finding.presence == self.presence and self.side in (None, finding.side)


class BankSentence(Frozen):
    """One sentence that may be drafted, where it stands and what it states."""

    text: str
    report: str
    start: int
    end: int
    states: tuple[Stated, ...]
    whole: bool = False
    """Whether it calls the whole image normal: right only where every finding is absent."""

    def agrees(self, read: Mapping[str, FindingReading]) -> bool:
        """Whether the heads say all that this sentence says."""
        if self.whole and any(finding.presence != "absent" for finding in read.values()):
            return False
        return all(stated.key in read and stated.agrees(read[stated.key]) for stated in self.states)

    @property
    def source(self) -> str:
        """Report and span, as `Sentence.source` gives them."""
        return f"{self.report}#{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Bank:
    """Sentences [n] and their unit vectors [n, 384] in the image's space."""

    sentences: tuple[BankSentence, ...]
    vectors: NDArray[np.float32]

    def draft(self, embedding: NDArray[np.float32], findings: Sequence[FindingReading]) -> tuple[Sentence, ...]:
        """At most one sentence for each finding that is present, and at most one that denies findings.

        `embedding` [384] is the image's. Nothing is drafted of an uncertain finding.
        """
        read = {finding.key: finding for finding in findings}
        likeness = self.vectors @ embedding
        agreeing = [index for index, one in enumerate(self.sentences) if one.agrees(read)]
        chosen: list[int] = []
        for key in sorted((f.key for f in findings if f.presence == "present"), key=lambda key: -read[key].probability):
            if not any(key in _keys(self.sentences[index], "present") for index in chosen):
                chosen += self._best([i for i in agreeing if key in _keys(self.sentences[i], "present")], likeness)
        chosen += self._best([i for i in agreeing if not _keys(self.sentences[i], "present")], likeness)
        return tuple(_sentence(self.sentences[index], read) for index in chosen)

    def _best(self, indices: Sequence[int], likeness: NDArray[np.float32]) -> list[int]:
        """The one that states most, and of these the nearest: its row alone, or nothing."""
        ranked = sorted(indices, key=lambda index: (-_weight(self.sentences[index]), -float(likeness[index]), index))
        return ranked[:1]


def _keys(one: BankSentence, presence: str) -> set[str]:
    return {stated.key for stated in one.states if stated.presence == presence}


def _weight(one: BankSentence) -> int:
    """How much a sentence states: its findings, and the sides it gives."""
    return len(one.states) + sum(stated.side is not None for stated in one.states)


def _sentence(one: BankSentence, read: Mapping[str, FindingReading]) -> Sentence:
    keys = tuple(stated.key for stated in one.states)
    regions = tuple(region for key in keys for region in read[key].regions if read[key].presence == "present")
    return Sentence(text=one.text, findings=keys, regions=regions, source=one.source)
