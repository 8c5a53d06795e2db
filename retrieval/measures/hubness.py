"""Which new cases are near to too many others: poisoned inserts, found before a search can return them.

A vector that lies near to many others, a hub, is returned to many queries whatever they ask (Radovanović, Nanopoulos and
Ivanović, "Hubs in Space", JMLR 2010); a poisoned insert aims at just that. So cases of the library are asked, nothing held out
but themselves, and for each new case it is counted among whose ten nearest it would come. An ordinary new case comes among as
many as the library's own cases do; one that comes among half as many again as all but a thousandth of them, and among more
than chance gives, goes into quarantine. Equal reports count once, since a search shows one of them.

An attacker who keeps below that limit can copy a case that is often found already. A new image far nearer to another person's
often found image than the library's images lie to each other is quarantined as well; in a library of more than 50,000 cases,
where it copies one of those that were looked at.

New cases are judged each on its own beside the old ones, so a flood of them cannot hide one another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retrieval.generation.stack import Stack
from retrieval.measures.held_out import BLOCK, Rows, as_query, asked_again, living, sample
from retrieval.searching.exclusions import eligible
from retrieval.vectors import KINDS, Kept, Kind, Vectors

NEAREST = 10
COMPARED = 50_000
"""Own cases at most that are looked at: who comes among the ten nearest of a library comes among those of a part of it too, and
what is ordinary is measured on the same part."""
QUERIES = 1_000
REFERENCE = 5_000
"""Own cases at most whose counts say what is ordinary."""
LEAST = 200
"""Fewer own cases say nothing of what is ordinary."""
ORDINARY = 0.999
TIMES = 1.5
"""How many times the ordinary a count may be: the ordinary itself is exceeded by one exchangeable case in a thousand."""
BY_CHANCE = 1e-6
POPULAR = 1_000
CLOSE = 0.01
"""A copy is nearer than half the distance below which this share of the library's cases have their nearest other person."""
_SLACK = 1e-6
"""Of rounding: equal vectors are at no distance, whatever their product says."""
_WORDS: dict[Kind, str] = {"image": "image", "text": "report", "fused": "image and report"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """Own cases as queries of one kind: their vectors [q, m], how far their tenth nearest is, and what they found [q, <= 10]."""

    kind: Kind
    rows: Rows
    vectors: Vectors
    radius: NDArray[np.float32]
    found: tuple[Rows, ...]
    distances: tuple[NDArray[np.float32], ...]


def hubs(stack: Stack, new_rows: Rows, *, weight: float = 0.5) -> tuple[tuple[int, str], ...]:
    """Those of `new_rows` that belong into quarantine, each with its reason; none where the library is too small to say.

    Args:
        stack: The library with the new rows in it; what is gone is not looked at.
        new_rows: Global rows that were added. When hardly any other row is there, all rows are compared with each other, and
            only what stands far out among them is found.
        weight: Share of the image in a fused distance.
    """
    rows = living(stack)
    new = np.intersect1d(new_rows, rows)
    own = np.setdiff1d(rows, new)
    own = rows if len(own) < LEAST else own
    reasons: dict[int, str] = {}
    for kind in KINDS:
        base = sample(own if kind == "image" else _one_of_equal_reports(stack, own), COMPARED)
        if len(base) < LEAST or not len(new):
            continue
        asked = _ask(stack, kind, weight, base)
        for row in _too_often(stack, asked, base, new):
            reasons.setdefault(int(row), f"near to too many cases by its {_WORDS[kind]}")
        if kind == "image":
            for row in _copies(stack, asked, new):
                reasons.setdefault(int(row), "nearly a copy of another person's often found image")
    return tuple(sorted(reasons.items()))


def _one_of_equal_reports(stack: Stack, rows: Rows) -> Rows:
    return np.sort(rows[np.unique(stack.columns.report[rows], return_index=True)[1]])


def _ask(stack: Stack, kind: Kind, weight: float, base: Rows) -> _Asked:
    rows = sample(base, QUERIES)
    vectors: list[Vectors] = []
    found: list[Rows] = []
    distances: list[NDArray[np.float32]] = []
    for start in range(0, len(rows), BLOCK):
        some = rows[start : start + BLOCK]
        asked = asked_again(stack.vectors(some), kind, weight, stack.dimensions)
        kept = [Kept(base, ("hubness", len(base)), np.array([row], dtype=np.int64)) for row in some]
        vectors.extend(one.vector for one in asked)
        for scan in stack.scan_many(asked, kept, NEAREST):
            found.append(scan.rows)
            distances.append(scan.distances)
    radius = np.array([far[-1] for far in distances], dtype=np.float32)
    return _Asked(kind, rows, np.stack(vectors), radius, tuple(found), tuple(distances))


def _too_often(stack: Stack, asked: _Asked, base: Rows, new: Rows) -> Rows:
    ordinary = np.quantile(_counts(stack, asked, sample(base, REFERENCE)), ORDINARY, method="higher")
    limit = max(TIMES * float(ordinary), chance_limit(len(asked.rows), NEAREST / len(base), BY_CHANCE))
    return new[_counts(stack, asked, new) > limit]


def _counts(stack: Stack, asked: _Asked, rows: Rows) -> NDArray[np.int64]:
    """Among the ten nearest of how many queries each of `rows` comes or would come; a query does not count itself."""
    counts = [(_distances(stack, asked, some) <= asked.radius + _SLACK).sum(1) - np.isin(some, asked.rows) for some in _in_blocks(rows)]
    return np.concatenate(counts).astype(np.int64)


def _distances(stack: Stack, asked: _Asked, rows: Rows) -> NDArray[np.float32]:
    """[rows, queries]."""
    return np.asarray(1 - stack.vectors(rows)[:, stack.dimensions.columns(asked.kind)] @ asked.vectors.T, dtype=np.float32)


def _in_blocks(rows: Rows) -> Iterator[Rows]:
    size = BLOCK * BLOCK
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def chance_limit(trials: int, chance: float, error: float) -> int:
    """The smallest count that a binomial of `trials` and `chance` exceeds with a probability of at most `error`."""
    exactly = (1 - chance) ** trials
    beyond, count = 1 - exactly, 0
    while beyond > error and count < trials:
        exactly *= (trials - count) / (count + 1) * chance / (1 - chance)
        beyond -= exactly
        count += 1
    return count


def _copies(stack: Stack, asked: _Asked, new: Rows) -> list[int]:
    """New rows whose image is nearly that of another person's often found case."""
    often, times = np.unique(np.concatenate(asked.found), return_counts=True)
    popular = often[np.argsort(-times, kind="stable")[:POPULAR]]
    apart = _nearest_others(stack, asked)
    close = (np.quantile(apart, CLOSE) / 2 if apart else 0.0) - _SLACK
    known = stack.vectors(popular)[:, stack.dimensions.columns("image")]
    found: list[int] = []
    for some in _in_blocks(new):
        near = 1 - stack.vectors(some)[:, stack.dimensions.columns("image")] @ known.T < close
        found.extend(int(some[place]) for place in np.flatnonzero(near.any(1)) if _others(stack, int(some[place]), popular[near[place]]))
    return found


def _nearest_others(stack: Stack, asked: _Asked) -> list[float]:
    """How far each query's nearest case of another person is, where its ten nearest hold one."""
    person = stack.columns.person
    nearest = []
    for row, found, distances in zip(asked.rows, asked.found, asked.distances, strict=True):
        others = distances[person[found] != person[row]]
        nearest.extend([float(others[0])] if len(others) else [])
    return nearest


def _others(stack: Stack, row: int, like: Rows) -> bool:
    """Whether any of the rows `like` is of another person and study than `row`, linked identifiers looked at too."""
    query = replace(as_query(stack.columns, row), image_hash=None, report_hash=None, report_sketch=None)
    return bool(eligible(stack.columns, query, 0, stack.gone).kept.mask(stack.cases)[like].any())
