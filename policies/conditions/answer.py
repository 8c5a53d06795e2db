"""Three-valued answers and how they combine: yes, no, cannot tell (Kleene's strong logic)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from policies.outcome import Basis


@dataclass(frozen=True, slots=True)
class Answer:
    """What a condition answers on a case. `value` is None when the case does not tell."""

    value: bool | None
    basis: tuple[Basis, ...] = ()
    """What was read to answer so: a clinician sees why."""


def answer(value: bool | None, reference: str, detail: str) -> Answer:
    """An answer resting on one thing that was read."""
    return Answer(value, (Basis(reference=reference, detail=detail),))


def all_of(answers: Iterable[Answer]) -> Answer:
    """Yes when all are yes, no when one is no, else cannot tell. Stops at the first no.

    >>> all_of([Answer(True), Answer(None)]).value is None
    True
    >>> all_of([Answer(None), Answer(False)]).value
    False
    """
    seen = []
    for each in answers:
        if each.value is False:
            return each
        seen.append(each)
    return Answer(_none_if(any(a.value is None for a in seen), True), _joined(seen))


def any_of(answers: Iterable[Answer]) -> Answer:
    """Yes when one is yes, no when all are no, else cannot tell. Asks all, so that every reason is named."""
    seen = list(answers)
    for value in (True, None):
        carriers = [a for a in seen if a.value is value]
        if carriers:
            return Answer(value, _joined(carriers))
    return Answer(False, _joined(seen))


def negated(inner: Answer) -> Answer:
    """Yes for no, no for yes; cannot tell stays."""
    return Answer(None if inner.value is None else not inner.value, inner.basis)


def _none_if(doubt: bool, value: bool) -> bool | None:
    return None if doubt else value


def _joined(answers: Iterable[Answer]) -> tuple[Basis, ...]:
    return tuple(dict.fromkeys(basis for each in answers for basis in each.basis))
