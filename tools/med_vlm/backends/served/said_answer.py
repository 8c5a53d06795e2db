"""From what a model said to one of the allowed answers, and from counts or log-probabilities to their probabilities."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from math import exp

from tools.med_vlm.backends.served.chat import Alternative
from tools.med_vlm.errors import ModelAnswerUnusable

_BEFORE = " \t\r\n*_\"'`.,:;>-▁Ġ"
"""What models put around a word: blanks, Markdown, quotation marks; and what tokenizers write for a blank."""


def answer_in(text: str, answers: Sequence[str]) -> str | None:
    """The answer a text begins with, or the only one it names; None when it names none, or several.

    >>> answer_in("**Yes**, on the left.", ("yes", "no")), answer_in("Maybe.", ("yes", "no"))
    ('yes', None)
    """
    said = text.casefold().strip(_BEFORE)
    first = [answer for answer in answers if _word(answer).match(said)]
    named = first or [answer for answer in answers if _word(answer).search(said)]
    return named[0] if len(named) == 1 else None


def from_first_tokens(tokens: Iterable[Alternative], answers: Sequence[str]) -> dict[str, float]:
    """Probabilities from the likeliest first tokens, those of no allowed answer left out; they add up to one.

    A token stands for the only answer that begins with it. An answer that no token stands for was less likely than the least
    likely of the tokens, and is given as much as that one: where the model meant none of them, all are equal.

    Raises:
        ModelAnswerUnusable: there are no tokens.
    """
    likely = [(one.token.casefold().strip(_BEFORE), exp(min(one.logprob, 0.0))) for one in tokens]
    if not likely:
        raise ModelAnswerUnusable("the probabilities of its first word are missing")
    mass = dict.fromkeys(answers, 0.0)
    for token, probability in likely:
        meant = [answer for answer in answers if token and answer.casefold().startswith(token)]
        if len(meant) == 1:
            mass[meant[0]] += probability
    least = max(min(probability for _, probability in likely), 1e-12)
    return _shares({answer: probability or least for answer, probability in mass.items()})


def from_counts(texts: Iterable[str], answers: Sequence[str]) -> dict[str, float]:
    """Probabilities from drawn texts: each count and a half over their sum (Krichevsky and Trofimov 1981); they add up to one.

    The half keeps a few draws from being taken for certainty. Texts that name no answer count for none; their order for nothing.
    """
    counts = Counter(answer_in(text, answers) for text in texts)
    return _shares({answer: counts[answer] + 0.5 for answer in answers})


def _word(answer: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(answer.casefold())}(?!\w)")


def _shares(weights: dict[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}
