"""Floors under the study of the case index: what falls through one must not ship."""

from __future__ import annotations

from evaluation.findings import NEAREST, SHOWN
from evaluation.retrieval import RetrievalStudy, SetStudy

SLACK = 0.02
"""The threshold is itself measured on a few hundred cases: its own error is one to two points of coverage."""


def missed(study: RetrievalStudy) -> tuple[str, ...]:
    """Every floor that was missed, in words; empty when all held.

    The floors: nothing leaks; new cases like the library's are not called incomparable more often than stated, beyond the
    errors of measurement and threshold; and on sets that the encoder was made for, neighbours share more findings with the query than a
    random order has, beyond the error of the measurement.
    """
    return tuple(f"{one.name}: {words}" for one in study.sets for words in (*_leaks(one), *_coverage(one), *_ranking(one)))


def _leaks(one: SetStudy) -> list[str]:
    return [f"{count} neighbours that must not be found: {reason}" for reason, count in (one.leaks.leaked if one.leaks else ())]


def _coverage(one: SetStudy) -> list[str]:
    return [
        f"{cover.covered.value:.0%} of new cases are comparable by {cover.kind}, and {cover.stated:.0%} is stated"
        for cover in one.covered
        if cover.threshold is not None and cover.covered.value is not None and (cover.covered.high or 0) < cover.stated - SLACK
    ]


def _ranking(one: SetStudy) -> list[str]:
    judged = [ranked for ranked in one.ranked if one.held_to_rank and ranked.name in (SHOWN, *NEAREST.values())]
    return [
        f"{ranked.name} shares no more findings with the query than a random order"
        for ranked in judged
        if ranked.lead.low is None or ranked.lead.low <= 0
    ]
