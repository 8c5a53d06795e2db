"""Fifteen in a hundred words are hidden, as BERT's authors hid them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.adapting.losses import NOT_ASKED
from tools.med_vlm.adapting.mlm.masking import Vocabulary, hide

VOCABULARY = Vocabulary(50, mask=4, special={0, 2, 3, 4})


def test_shares_are_those_of_the_paper() -> None:
    tokens = torch.randint(5, 50, (400, 100), generator=torch.Generator().manual_seed(1))
    shown, labels = hide(tokens, VOCABULARY, torch.Generator().manual_seed(2))
    asked = labels != NOT_ASKED
    assert float(asked.float().mean()) == pytest.approx(0.15, abs=0.01)
    masked, same = (shown[asked] == 4).float().mean(), (shown[asked] == tokens[asked]).float().mean()
    assert float(masked) == pytest.approx(0.8, abs=0.02)
    assert float(same) == pytest.approx(0.1 + 0.1 / 46, abs=0.02)


@given(st.lists(st.lists(st.integers(0, 49), min_size=5, max_size=5), min_size=1, max_size=6), st.integers(0, 2**31))
def test_special_tokens_are_never_hidden_and_never_put_in_anothers_place(rows: list[list[int]], seed: int) -> None:
    tokens = torch.tensor(rows)
    shown, labels = hide(tokens, VOCABULARY, torch.Generator().manual_seed(seed))
    asked = labels != NOT_ASKED
    assert torch.equal(shown[~asked], tokens[~asked])
    assert torch.equal(labels[asked], tokens[asked])
    assert not (set(tokens[asked].tolist()) & set(VOCABULARY.special))
    assert not (set(shown[asked].tolist()) & {0, 2, 3})


def test_the_same_chance_hides_the_same_words() -> None:
    tokens = torch.arange(5, 45)[None]
    first, again, other = (hide(tokens, VOCABULARY, torch.Generator().manual_seed(seed))[1] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
