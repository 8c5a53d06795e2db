"""When two reports mean the same: what makes each a right match of the other's image.

"No acute disease" stands in half of an archive in fifty wordings. A loss that takes each image's own report for the only right
one teaches a model to tell such reports apart, which no image can (MedCLIP, Wang et al., EMNLP 2022, for the observation).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.cards import CaseFinding

WORDS_ALONE = "words"
"""What the meaning of a report begins with that the labeler finds nothing in."""

Meaning = tuple[object, ...]


def meaning(report: str, stated: Sequence[CaseFinding] | None = None) -> Meaning:
    """Equal for reports that state the same findings on the same sides and doubt the same.

    A report in which `tools.labeler` finds nothing at all equals a report of the same words alone.

    Args:
        report: The report.
        stated: What its archive says the report states; None leaves that to the labeler.
    """
    from tools.labeler import label, labels

    read = {key: word for key, word in labels(report).items() if key != "no_finding"}
    present = label(report) if stated is None else stated
    if not read and not present:
        return (WORDS_ALONE, " ".join(report.split()).casefold())
    doubted = sorted(key for key, word in read.items() if word == "uncertain")
    return (tuple(sorted({(one.key, one.side or "") for one in present})), tuple(doubted))


def numbered(meanings: Sequence[Meaning]) -> NDArray[np.int64]:
    """A number for each of n meanings [n]: equal numbers, equal meanings."""
    names: dict[Meaning, int] = {}
    return np.array([names.setdefault(one, len(names)) for one in meanings], dtype=np.int64)


def alike(meanings: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of n image-report pairs are right: bool [n, n], the diagonal among them."""
    return np.asarray(meanings[:, None] == meanings[None, :])
