"""What is looked at or decided at each token, as transformers' generation lets one: the same for every family of models.

Both classes see the scores [rows, vocabulary] of the next token and hand back scores that leave one choice, so that no chance of the
library's own is in it, and nothing else of its settings either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Generator, Tensor

WARMTH = 0.7
"""Temperature of the drawn texts; published samplings of radiology reports use 0.5 to 1."""
_LONGEST_PERIOD = 32
_TIMES = 4
_LEAST = 24
"""A text that says the same piece of up to 32 tokens four times in a row, over 24 tokens or more, says nothing new."""


class Scored:
    """Walks each row along given tokens and adds up their log-probabilities; at the end reads those of several last tokens."""

    def __init__(self, along: Sequence[Sequence[int]], lasts: Sequence[Sequence[int]], end: int) -> None:
        self._along, self._lasts, self._end = along, lasts, end
        self._step = 0
        self._sums = [0.0] * len(along)
        self.found: list[list[float]] = [[] for _ in along]
        """Of each row: the log-probability of `along` and then each of `lasts`."""

    def __call__(self, _: Tensor, scores: Tensor) -> Tensor:
        """The scores of the next token, all but the one to walk on over forbidden."""
        logs = scores.float().log_softmax(-1)
        taken = [self._one(row, logs[row]) for row in range(len(self._along))]
        self._step += 1
        return only(scores, taken)

    def _one(self, row: int, logs: Tensor) -> int:
        along = self._along[row]
        if self._step < len(along):
            token = along[self._step]
            self._sums[row] += float(logs[token])
            return token
        if self._step == len(along):
            self.found[row] = [self._sums[row] + float(logs[token]) for token in self._lasts[row]]
        return self._end


class Drawn:
    """Chooses each row's next token and keeps it: sample 0 the likeliest, every other by chance of its own.

    Chance is the Gumbel-max trick: the likeliest token of scores with such noise added is a draw from their distribution. Each
    sample has its own generator, so that it is the same whatever else is drawn beside it.
    """

    def __init__(self, samples: Sequence[int], ends: frozenset[int], seed: int) -> None:
        self._samples, self._ends = samples, ends
        self._chance = [_generator(seed, sample) for sample in samples]
        self.tokens: list[list[int]] = [[] for _ in samples]
        """Of each row, what was chosen, the token that ends a text included."""

    def __call__(self, _: Tensor, scores: Tensor) -> Tensor:
        """The scores of the next token, all but the chosen one forbidden."""
        return only(scores, [self._choose(row, scores[row].float().cpu()) for row in range(len(self._samples))])

    def _choose(self, row: int, scores: Tensor) -> int:
        if self.whole(row):
            return self.tokens[row][-1]
        if self._samples[row] > 0:
            scores = scores / WARMTH + _gumbel(scores, self._chance[row])
        token = int(scores.argmax())
        self.tokens[row].append(token)
        return token

    def whole(self, row: int) -> bool:
        """Whether the row's text has ended by itself."""
        return bool(self.tokens[row]) and self.tokens[row][-1] in self._ends

    def text(self, row: int) -> list[int]:
        """The row's tokens without the one that ended it."""
        return self.tokens[row][:-1] if self.whole(row) else self.tokens[row]


class Halted:
    """Says of each row whether it need not go on: it ended, or it says the same again and again."""

    def __init__(self, drawn: Drawn) -> None:
        self._drawn = drawn

    def __call__(self, tokens: Tensor, _: Any, **__: Any) -> Tensor:
        """[rows], true where a row is done."""
        import torch

        done = [self._drawn.whole(row) or repeats(self._drawn.tokens[row]) for row in range(len(tokens))]
        return torch.tensor(done, device=tokens.device)


def repeats(tokens: Sequence[int]) -> bool:
    """Whether a text ends in the same piece over and over."""
    return any(_periodic(tokens, period) for period in range(1, _LONGEST_PERIOD + 1))


def _periodic(tokens: Sequence[int], period: int) -> bool:
    length = max(_LEAST, _TIMES * period)
    end = tokens[-length:]
    return len(end) == length and end[period:] == end[:-period]


def only(scores: Tensor, tokens: Sequence[int]) -> Tensor:
    """Scores that leave each row one token."""
    import torch

    made = torch.full_like(scores, float("-inf"))
    made[torch.arange(len(tokens)), torch.tensor(tokens)] = 0
    return made


def _generator(seed: int, sample: int) -> Generator:
    import torch

    made = torch.Generator()
    made.manual_seed(seed + sample)
    return made


def _gumbel(like: Tensor, chance: Generator) -> Tensor:
    import torch

    return -torch.log(-torch.log(torch.rand(like.shape, generator=chance).clamp_(1e-20, 1 - 1e-7)))
