"""Texts among texts, without an index: a text encoder on captions whose subject somebody else coded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.case_sets import Caption, CaptionSet
from evaluation.findings import FIRST
from evaluation.intervals import Figure, mean_by_person
from evaluation.metrics import precision
from retrieval.building.embedding import BATCH
from retrieval.cards import Encoder
from retrieval.measures.relevance import FindingSets, Floats, ndcg
from retrieval.vectors import Vectors, unit_rows


@dataclass(frozen=True, slots=True)
class TextsRanked:
    """P@5 and nDCG@5 by common concepts, beside a random order."""

    name: str
    words: str
    precision: Figure
    ndcg: Figure
    random_precision: Figure
    random_ndcg: Figure


def caption_vectors(
    encoder: Encoder, captions: Sequence[Caption], done: Callable[[int], None] = lambda count: None
) -> tuple[Vectors, NDArray[np.intp]]:
    """(unit vectors [m, dimension] of the captions that the encoder has words for, their places in `captions` [m])."""
    parts = []
    for start in range(0, len(captions), BATCH):
        texts = [caption.text for caption in captions[start : start + BATCH]]
        parts.append(encoder.texts(texts))
        done(start + len(texts))
    vectors, usable = unit_rows(np.vstack(parts), encoder.text_dimension, len(captions))
    return vectors[usable], np.flatnonzero(usable)


def texts_ranked(captions: CaptionSet, vectors: Vectors, places: NDArray[np.intp], *, seed: int = 0) -> TextsRanked:
    """Every caption asked among those of other papers.

    Args:
        captions: What the vectors are of.
        vectors: Unit vectors [m, dimension].
        places: Which caption each belongs to [m].
        seed: Of the random order.
    """
    kept = [captions.captions[int(place)] for place in places]
    sets = FindingSets(tuple(",".join(sorted(caption.concepts)) for caption in kept))
    sources, random = np.array([caption.source for caption in kept]), np.random.default_rng(seed)
    ranked: list[Floats] = []
    chance: list[Floats] = []
    eligible: list[Floats] = []
    for number, caption in enumerate(kept):
        others = np.flatnonzero(sources != caption.source)
        shares = sets.shared_with(number)[others]
        order = np.argsort(-(vectors[others] @ vectors[number]), kind="stable")
        ranked.append(shares[order])
        chance.append(random.permutation(shares))
        eligible.append(shares)
    whose = [caption.source for caption in kept]
    return TextsRanked(captions.name, captions.words, *_figures(ranked, eligible, whose), *_figures(chance, eligible, whose))


def _figures(ranked: Sequence[Floats], eligible: Sequence[Floats], whose: Sequence[str]) -> tuple[Figure, Figure]:
    precise = [precision(shares.tolist(), FIRST) for shares in ranked]
    gains = [ndcg(shares, every, FIRST) for shares, every in zip(ranked, eligible, strict=True)]
    return mean_by_person(precise, whose), mean_by_person(gains, whose)
