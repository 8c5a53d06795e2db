"""Scores are added up along given tokens; draws are draws from the model's own distribution; circles end a text."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.backends.local.walking import WARMTH, Drawn, Halted, Scored, only, repeats

NOTHING = torch.zeros(1, 0, dtype=torch.long)


def test_a_walk_adds_up_the_log_probabilities_along_it_and_then_reads_the_last_tokens() -> None:
    steps = torch.randn(3, 2, 5, generator=torch.Generator().manual_seed(1))
    scored = Scored([(1, 4), ()], [(0, 2), (3,)], end=0)
    forced = [scored(NOTHING, step).argmax(-1).tolist() for step in steps]
    logs = steps.log_softmax(-1)
    assert forced[:2] == [[1, 0], [4, 0]]
    along = logs[0, 0, 1] + logs[1, 0, 4]
    assert scored.found[0] == pytest.approx([float(along + logs[2, 0, 0]), float(along + logs[2, 0, 2])])
    assert scored.found[1] == pytest.approx([float(logs[0, 1, 3])])


def test_one_token_is_left_to_each_row() -> None:
    made = only(torch.randn(2, 4), [3, 0])
    assert made.softmax(-1).tolist() == [[0, 0, 0, 1], [1, 0, 0, 0]]


def test_sample_nought_is_the_likeliest_and_the_others_follow_the_softened_distribution() -> None:
    scores = torch.tensor([0.0, 1.0, 2.0, 0.5])
    drawn = Drawn(range(1501), frozenset({9}), seed=5)
    drawn(NOTHING, scores.expand(1501, -1))
    first = [tokens[0] for tokens in drawn.tokens]
    shares = torch.bincount(torch.tensor(first[1:]), minlength=4) / 1500
    assert first[0] == 2
    assert torch.allclose(shares, (scores / WARMTH).softmax(-1), atol=0.04)


def test_a_sample_is_the_same_whatever_is_drawn_beside_it() -> None:
    scores = torch.randn(6, 50, generator=torch.Generator().manual_seed(3))
    together, apart = Drawn([0, 1, 2], frozenset({99}), seed=7), Drawn([2], frozenset({99}), seed=7)
    for step in scores:
        together(NOTHING, step.expand(3, -1))
        apart(NOTHING, step.expand(1, -1))
    assert together.tokens[2] == apart.tokens[0]
    assert together.tokens[1] != together.tokens[2]


def test_a_text_ends_once_and_nothing_is_added_to_it() -> None:
    drawn = Drawn([0], frozenset({3}), seed=0)
    for token in (1, 3, 2):
        drawn(NOTHING, torch.eye(4)[token][None])
    assert drawn.tokens == [[1, 3]]
    assert drawn.whole(0)
    assert drawn.text(0) == [1]


@pytest.mark.fault(62)
@given(piece=st.lists(st.integers(0, 9), min_size=1, max_size=32), before=st.lists(st.integers(10, 19), max_size=20))
def test_the_same_piece_four_times_over_is_a_circle(piece: list[int], before: list[int]) -> None:
    assert repeats(before + piece * max(4, -(-24 // len(piece))))


@given(st.lists(st.integers(0, 10_000), max_size=200, unique=True))
def test_a_text_that_says_everything_once_is_none(tokens: list[int]) -> None:
    assert not repeats(tokens)
    assert not repeats([*tokens, *tokens, *tokens]) or len(tokens) * 3 < 24 or len(tokens) < 6


@pytest.mark.parametrize("tokens", [[], [1] * 23, [1, 2] * 11, [*([1] * 24), 2]])
def test_a_short_or_an_ended_circle_is_none(tokens: list[int]) -> None:
    assert not repeats(tokens)


def test_rows_that_ended_or_go_in_circles_are_done() -> None:
    drawn = Drawn([0, 1, 2], frozenset({3}), seed=0)
    drawn.tokens[:] = [[1, 3], [5] * 24, [1, 2]]
    rows = torch.zeros(3, 1, dtype=torch.long)
    assert Halted(drawn)(rows, None).tolist() == [True, True, False]
