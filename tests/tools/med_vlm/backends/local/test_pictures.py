"""A picture is read once for all rows that show it, and what comes of it is the same."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tools.med_vlm.backends.local.model import LocalModel
from tools.med_vlm.backends.local.pictures import Once, repeated

ONE, TWO = (Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 52, 3), dtype=np.uint8)) for seed in (1, 2))


@pytest.mark.parametrize(
    ("images", "times"),
    [
        ([ONE], 1),
        ([ONE, ONE, ONE], 3),
        ([ONE, TWO], 1),
        ([ONE, TWO, ONE, TWO], 2),
        ([ONE, TWO, ONE], 1),
        ([[ONE, TWO], [ONE, TWO]], 2),
        ([[ONE, TWO], [TWO, ONE]], 1),
        ([[ONE], [ONE.copy()]], 1),
        ([], 1),
    ],
)
def test_the_same_pictures_again_are_found_by_being_the_same(images: list[Any], times: int) -> None:
    assert repeated(images) == times


def test_the_numbers_are_those_of_reading_every_row(model: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    several = [ONE] if model.turns.model_type == "blip-2" else [ONE, TWO]
    texts = [model.turns.text("", words, [""] * len(several)) for words in ("Is there air?", "Is there any effusion in it?", "What?")]
    once = model._batch(texts, several)
    monkeypatch.setattr(model.turns.processor, "image_processor", model.turns.processor.image_processor._reader)
    each = model._batch(texts, several)
    assert once.keys() == each.keys()
    assert all(torch.equal(once[name], each[name]) and once[name].dtype == each[name].dtype for name in each)


class Counting(Once):
    """The real reader, which also notes how many pictures it read."""

    def __init__(self, reader: Any) -> None:
        super().__init__(reader)
        self.read: list[int] = []

    def __call__(self, images: Any, *given: Any, **how: Any) -> Any:
        self.read.append(len(images))
        return self._reader(images, *given, **how)


def test_a_picture_is_read_once_for_many_questions(opened: Callable[[str], LocalModel], monkeypatch: pytest.MonkeyPatch) -> None:
    model = opened("llava")
    counting = Counting(model.turns.processor.image_processor._reader)
    monkeypatch.setattr(model.turns.processor, "image_processor", Once(counting))
    model._batch([model.turns.text("", words, [""]) for words in ("a", "b", "c")], [ONE])
    assert counting.read == [1]


def test_a_reader_can_be_copied_as_saving_a_processor_does() -> None:
    made = copy.deepcopy(Once({"reads": "as before"}))
    assert made.get("reads") == "as before"
