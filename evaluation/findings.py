"""Does a search rank cases higher that share findings with the query? The search itself, and simple answers beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.asking import Asking, persons, query
from evaluation.intervals import Figure, mean_by_person
from evaluation.metrics import precision
from retrieval.cards import CaseCard
from retrieval.generation.columns import finding_set
from retrieval.library import Library
from retrieval.measures.relevance import FindingSets, Floats, ndcg
from retrieval.vectors import Kind

FIRST = 5
SHOWN = "as a review shows them"
RANDOM = "baseline: a random order"
COMMONEST = "baseline: always the commonest findings"
NEAREST: dict[Kind, str] = {
    "fused": "nearest by image and report",
    "image": "nearest by the image alone",
    "text": "nearest by the report alone",
}


@dataclass(frozen=True, slots=True)
class Ranked:
    """How good one way to answer is. `answered` is the share of queries that it answered at all."""

    name: str
    precision: Figure
    """P@5: share of the first five that have a finding in common with the query, or like it have none."""
    ndcg: Figure
    """nDCG@5, graded by the share of common findings."""
    lead: Figure
    """How much more nDCG@5 than a random order has on average, query by query."""
    answered: Figure


@dataclass(frozen=True, slots=True)
class _Answers:
    """One query: what the rows it may find share with it, by way to answer, best first; and what any ranking could reach."""

    by_way: dict[str, Sequence[float] | Floats]
    eligible: Floats


def ranked(
    library: Library, asked: Sequence[Asking], check: str, kinds: Sequence[Kind], *, shown: bool = True, seed: int = 0
) -> tuple[Ranked, ...]:
    """What a review would show, the nearest by each kind, a random order, and always the commonest findings.

    All rank the same cases: those that a query by all that is known of the case may find.

    Args:
        library: What is searched; it holds none of the queries' persons.
        asked: The queries.
        check: Of the keyring of both.
        kinds: Which kinds of query the set allows, the one that a review would ask first.
        shown: Whether what a review would show is measured: it shows one of equal reports, so where reports are labels it would
            show one case of each label.
        seed: Of the random order.
    """
    judge = _Judge(library, asked)
    random = np.random.default_rng(seed)
    answers = [_answers(judge, one, check, kinds, random) for one in asked]
    ways = (*((SHOWN,) if shown else ()), *(NEAREST[kind] for kind in kinds), RANDOM, COMMONEST)
    return tuple(_measured(way, answers, persons(asked)) for way in ways)


class _Judge:
    """Knows what a query and the library's rows share."""

    def __init__(self, library: Library, asked: Sequence[Asking]) -> None:
        column = library.stack.columns.findings
        self.library = library
        self.codes = column.codes
        self.commonest = int(np.bincount(column.codes).argmax())
        values = tuple(dict.fromkeys((*column.values, *(finding_set(one.card) for one in asked))))
        self._sets = FindingSets(values)
        self._places = {value: place for place, value in enumerate(values)}

    def place(self, card: CaseCard) -> int:
        """The number of a card's set of findings; of the library's rows, `codes` holds it."""
        return self._places[finding_set(card)]

    def shares(self, one: Asking) -> Floats:
        """[sets] what each set of findings shares with the query's."""
        return self._sets.shared_with(self.place(one.card))


def _answers(judge: _Judge, one: Asking, check: str, kinds: Sequence[Kind], random: np.random.Generator) -> _Answers:
    library, known = judge.library, kinds[0]
    sets, every = judge.shares(one), library.stack.cases
    shares = sets[judge.codes]
    rows = {kind: library.nearest(query(one, kind, check, k=FIRST, known=known), every).rows for kind in kinds}
    eligible = rows[known]
    shown = library.search(query(one, known, check, k=FIRST)).neighbours
    commonest_first = eligible[np.argsort(judge.codes[eligible] != judge.commonest, kind="stable")]
    return _Answers(
        {
            SHOWN: [sets[judge.place(neighbour.card)] for neighbour in shown],
            **{NEAREST[kind]: shares[found] for kind, found in rows.items()},
            RANDOM: shares[random.permutation(eligible)],
            COMMONEST: shares[commonest_first],
        },
        shares[eligible],
    )


def _measured(way: str, answers: Sequence[_Answers], whose: Sequence[str]) -> Ranked:
    lists = [one.by_way[way] for one in answers]
    gains = [ndcg(one, answer.eligible, FIRST) if len(one) else None for one, answer in zip(lists, answers, strict=True)]
    leads = [None if gain is None else gain - (_by_chance(answer) or 0) for gain, answer in zip(gains, answers, strict=True)]
    return Ranked(
        way,
        mean_by_person([precision(list(shares), FIRST) for shares in lists], whose),
        mean_by_person(gains, whose),
        mean_by_person(leads, whose),
        mean_by_person([float(len(shares) > 0) for shares in lists], whose),
    )


def _by_chance(answer: _Answers) -> float | None:
    """nDCG@5 of a random order on average: at every rank the mean of all."""
    return ndcg([float(answer.eligible.mean())] * min(FIRST, len(answer.eligible)), answer.eligible, FIRST)
