"""Turns batches of cases into cards and vectors: in this process, or wherever an `Embed` sends them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from retrieval.cards import CaseCard, Encoder, Rejected, SourceCase
from retrieval.store import thumbnail
from retrieval.vectors import Vectors, unit_rows

BATCH = 64
"""Cases embedded at once."""
UNUSABLE = "vector is NaN, infinite, zero or not of unit length"


@dataclass(frozen=True, slots=True)
class Embedded:
    """What became of one batch of cases."""

    cards: tuple[CaseCard, ...]
    """Each with a thumbnail."""
    vectors: Vectors
    """[n, image dimension + text dimension], one row a card: [unit image, unit text]."""
    skipped: tuple[tuple[str, str], ...]
    """(reason, where) of the others."""
    seen: int
    """How many cases the batch had."""


Embed = Callable[[Iterable[Sequence[SourceCase | Rejected]]], Iterator[Embedded]]
"""Embeds batches: one `Embedded` for each, in their order."""


def in_process(encoder: Encoder) -> Embed:
    """Embeds one batch after the other with `encoder`, here."""

    def embed(batches: Iterable[Sequence[SourceCase | Rejected]]) -> Iterator[Embedded]:
        for batch in batches:
            yield embed_batch(encoder, batch)

    return embed


def embed_batch(encoder: Encoder, batch: Sequence[SourceCase | Rejected]) -> Embedded:
    """Cards and vectors of the cases of one batch. It depends on nothing else, so that batches may be embedded anywhere.

    Raises:
        BadVector: when the encoder's answer is not [n, dimension] at all.
    """
    cases = [case for case in batch if isinstance(case, SourceCase)]
    skipped = [(case.reason, case.where) for case in batch if isinstance(case, Rejected)]
    if not cases:
        return Embedded((), np.zeros((0, encoder.image_dimension + encoder.text_dimension), np.float32), tuple(skipped), len(batch))
    images, image_ok = unit_rows(encoder.images([case.image for case in cases]), encoder.image_dimension, len(cases))
    texts, text_ok = unit_rows(encoder.texts([case.card.report for case in cases]), encoder.text_dimension, len(cases))
    kept = image_ok & text_ok
    skipped += [(UNUSABLE, f"case key {case.card.key}") for case, ok in zip(cases, kept, strict=True) if not ok]
    cards = tuple(_with_thumbnail(case) for case, ok in zip(cases, kept, strict=True) if ok)
    return Embedded(cards, np.hstack((images[kept], texts[kept])), tuple(skipped), len(batch))


def batches(cases: Iterable[SourceCase | Rejected], size: int = BATCH) -> Iterator[list[SourceCase | Rejected]]:
    """`cases` in lists of `size`; the last may be shorter."""
    batch: list[SourceCase | Rejected] = []
    for case in cases:
        batch.append(case)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _with_thumbnail(case: SourceCase) -> CaseCard:
    return case.card if case.card.thumbnail_png else replace(case.card, thumbnail_png=thumbnail(case.image))
