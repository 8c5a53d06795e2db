"""Which tokens an allowed answer is, and what their log-probabilities say of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tools.med_vlm.backends.local.prompting import Turns
from tools.med_vlm.vision_model import Answered, Question

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Walk:
    """Some ways of saying answers to one question that differ in their last token only: one row of a batch scores them all."""

    question: int
    text: str
    along: Tokens
    lasts: Tokens


@dataclass(frozen=True, slots=True)
class Scores:
    """Log-probabilities of the ways of one walk."""

    walk: Walk
    logs: Sequence[float]

    def of(self) -> Iterator[tuple[tuple[int, Tokens], float]]:
        """Each way by its question and its tokens."""
        for last, log in zip(self.walk.lasts, self.logs, strict=True):
            yield (self.walk.question, (*self.walk.along, last)), log


def ways(turns: Turns, text: str, answer: str, *, apart: bool) -> frozenset[Tokens]:
    """The tokens of an answer, as given and with a capital, after a text. `apart`: the model writes them apart from the text."""
    spelled = {answer, answer[:1].upper() + answer[1:]}
    return frozenset(_after(turns, text, each, apart=apart) for each in spelled)


def _after(turns: Turns, text: str, answer: str, *, apart: bool) -> Tokens:
    joined = answer if apart else turns.joined(text, answer)
    if not apart:
        before, whole = turns.tokens(text), turns.tokens(text + joined)
        if whole[: len(before)] == before and len(whole) > len(before):
            return tuple(whole[len(before) :])
    return tuple(turns.tokens(joined))


def walks(texts: Sequence[str], said: Sequence[Mapping[str, frozenset[Tokens]]]) -> list[Walk]:
    """The rows to run for questions of these texts, whose answers can be said in these ways."""
    made = []
    for number, (text, answers) in enumerate(zip(texts, said, strict=True)):
        ends: dict[Tokens, set[int]] = {}
        for way in (each for ways_ in answers.values() for each in ways_):
            ends.setdefault(way[:-1], set()).add(way[-1])
        made += [Walk(number, text, along, tuple(sorted(lasts))) for along, lasts in sorted(ends.items())]
    return made


def answered(
    questions: Sequence[Question], said: Sequence[Mapping[str, frozenset[Tokens]]], scores: Sequence[Scores]
) -> tuple[Answered, ...]:
    """The probability of each allowed answer: of all ways to say it, over those of all allowed answers."""
    logs = dict(pair for each in scores for pair in each.of())
    return tuple(
        Answered(
            question.name,
            _shares({answer: [logs[number, way] for way in said[number][answer]] for answer in question.answers}),
            "log-probabilities",
        )
        for number, question in enumerate(questions)
    )


def _shares(logs: Mapping[str, Sequence[float]]) -> dict[str, float]:
    top = max(each for ways_ in logs.values() for each in ways_)
    sums = {answer: sum(math.exp(each - top) for each in ways_) for answer, ways_ in logs.items()}
    total = sum(sums.values())
    return {answer: value / total for answer, value in sums.items()}
