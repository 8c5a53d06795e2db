"""Is the report found that belongs to an image, and the image that belongs to a report? Only where both share a space.

Here nothing is held out: the item itself is looked for among all. Equal reports cannot be told apart and count as found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from evaluation.asking import AFTER_ALL, Asking, persons
from evaluation.intervals import Figure, mean_by_person
from evaluation.metrics import first_hit, found_within, median_rank
from retrieval.cards import Query
from retrieval.keys import word
from retrieval.library import Library
from retrieval.vectors import Vectors

AT = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class Found:
    """How often the item stands among the first 1, 5 and 10 (R@k), its median rank, and what the simplest answers reach."""

    name: str
    recall: tuple[Figure, ...]
    """By the ranks of `AT`."""
    median_rank: float | None
    by_chance: tuple[float, ...]
    """R@k of a random order."""
    commonest: float
    """R@1 of always naming the library's commonest report."""
    among: int
    """How many items were looked through."""


def image_to_report(library: Library, asked: Sequence[Asking]) -> Found:
    """Images of the library as queries among its reports."""
    return _found("image -> report", library, asked, lambda one: _query(text=one.image))


def report_to_image(library: Library, asked: Sequence[Asking]) -> Found:
    """Reports of the library as queries among its images; the image of an equal report counts."""
    return _found("report -> image", library, asked, lambda one: _query(image=one.text))


def question_to_report(library: Library, asked: Sequence[tuple[Asking, Vectors]]) -> Found:
    """Questions with their answers among the reports: (the case that a question was asked of, the question's vector)."""
    questions = [replace(one, text=vector) for one, vector in asked]
    return _found("question and answer -> report", library, questions, lambda one: _query(text=one.text))


def _query(image: Vectors | None = None, text: Vectors | None = None) -> Query:
    return Query(image=image, text=text, as_of=AFTER_ALL)


def _found(name: str, library: Library, asked: Sequence[Asking], make: Callable[[Asking], Query]) -> Found:
    reports, every = library.stack.columns.report, library.stack.cases
    words = [word(one.card.report_hash) for one in asked]
    ranks = [first_hit((reports == own)[library.nearest(make(one), every).rows].tolist()) for one, own in zip(asked, words, strict=True)]
    equal = Counter(reports.tolist())
    commonest = equal.most_common(1)[0][0]
    return Found(
        name,
        tuple(mean_by_person([found_within(rank, first) for rank in ranks], persons(asked)) for first in AT),
        median_rank(ranks, every + 1),
        tuple(_mean([_by_chance(equal[own], every, first) for own in words]) for first in AT),
        _mean([float(own == commonest) for own in words]),
        every,
    )


def _by_chance(equal: int, every: int, first: int) -> float:
    """How often a random order has one of `equal` items of `every` among the first."""
    missed = 1.0
    for rank in range(min(first, every)):
        missed *= max(every - equal - rank, 0) / (every - rank)
    return 1 - missed


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
