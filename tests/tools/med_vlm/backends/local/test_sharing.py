"""What several questions begin with is looked at once, and changes no answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.asked import Asked
from tools.med_vlm.backends.local import model as local_model
from tools.med_vlm.backends.local import open_local
from tools.med_vlm.backends.local.model import LocalModel
from tools.med_vlm.backends.local.sharing import SHARING, common, shared_length
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Question

QUESTIONS = [Question(name, f"Is there {name}? Answer yes or no.", ("yes", "no"), ()) for name in ("an effusion", "air", "a nodule")]
QUESTIONS += [Question("side", "On which side? Answer left or right.", ("left", "right"), ())]
SHARED = ("llava", "llava-next", "gemma3", "idefics3", "qwen2-vl", "qwen2.5-vl", "qwen3-vl")


@given(st.lists(st.lists(st.integers(0, 2), max_size=6), min_size=1, max_size=4))
def test_rows_begin_alike_as_far_as_they_are_alike(rows: list[list[int]]) -> None:
    start = common(rows)
    assert all(row[: len(start)] == start for row in rows)
    assert any(len(row) == len(start) for row in rows) or len({row[len(start)] for row in rows}) > 1


@pytest.mark.parametrize(
    ("rows", "length"), [([[9, 1, 2], [9, 1, 3]], 2), ([[9, 1, 2]], 2), ([[1, 9, 2], [2, 9, 2]], 0), ([[1, 2, 9], [1, 3, 9]], 0)]
)
def test_a_token_is_left_to_each_row_and_no_picture(rows: list[list[int]], length: int) -> None:
    batch = {"input_ids": torch.tensor(rows), "attention_mask": torch.ones(len(rows), len(rows[0]), dtype=torch.long)}
    assert shared_length(batch, 9) == length


@pytest.mark.parametrize("family", SHARED, indirect=True)
def test_shared_or_not_the_answers_are_the_same(model: LocalModel, image: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    assert model.turns.model_type in SHARING
    shared = model.choose(image, QUESTIONS)
    monkeypatch.setattr(local_model, "SHARING", frozenset())
    for one, other in zip(shared, model.choose(image, QUESTIONS), strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)


def test_the_picture_is_looked_at_once_for_all_questions(tiny: Callable[..., Path], pinned: Callable[..., ModelSpec], image: Asked) -> None:
    model = open_local(pinned(tiny("llava")))
    pictures: list[int] = []
    model.network.model.vision_tower.register_forward_pre_hook(lambda _, given, named: pictures.append(len(given[0])), with_kwargs=True)
    model.choose(image, QUESTIONS)
    assert pictures == [1]


def test_where_a_template_puts_the_picture_last_nothing_is_shared_and_it_is_still_seen(
    tiny: Callable[..., Path], pinned: Callable[..., ModelSpec], image: Asked, other_image: Asked
) -> None:
    model = open_local(pinned(tiny("llava")))
    model.turns.processor.chat_template = (
        "{% for m in messages %}{% for p in m['content']|reverse %}{{ p.get('text', '<image>') }}{% endfor %}{% endfor %} A:"
    )
    assert model.turns.text("", "What?", [""]) == "What?<image> A:"
    one, other = (model.choose(each, QUESTIONS) for each in (image, other_image))
    assert max(abs(a.probabilities["yes"] - b.probabilities["yes"]) for a, b in zip(one[:3], other[:3], strict=True)) > 1e-5
