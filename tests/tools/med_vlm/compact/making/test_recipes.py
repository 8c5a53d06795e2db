"""What the command trains."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.compact.making.recipes import STEPS, full_recipe, quick_recipe, sizes


@given(st.integers(2, 60))
def test_every_epoch_has_a_size_and_sizes_only_grow(epochs: int) -> None:
    planned = sizes(epochs)
    assert len(planned) == epochs
    assert all(one <= other for one, other in pairwise(planned))
    assert planned[-1] == STEPS[-1][0]


def test_the_model_that_ships_is_made_for_at_least_224_pixels() -> None:
    recipe = full_recipe(8000, 15, 1, None)
    assert recipe.shape.size >= 224
    assert recipe.plan.sizes == (128,) * 4 + (176,) * 4 + (224,) * 7


@pytest.mark.parametrize("make", [lambda index: full_recipe(100, 4, 7, index), lambda index: quick_recipe(7, index)])
def test_the_command_of_a_recipe_names_its_seed_and_no_path(make: object, kit: Path) -> None:
    assert callable(make)
    recipe, plain = make(kit / "images.jsonl"), make(None)
    assert "--seed 7" in recipe.command
    assert recipe.command.endswith("--radiographs INDEX")
    assert "--radiographs" not in plain.command
    assert str(kit) not in recipe.command + recipe.data
    assert recipe.shape.domain
    assert not plain.shape.domain
    assert not plain.radiographs


def test_no_phantom_is_in_two_sets() -> None:
    for recipe in (full_recipe(20_000, 4, 7, None), quick_recipe(7, None)):
        sets = [set(numbers) for numbers in (recipe.train, recipe.held_out, recipe.calibration, recipe.test)]
        assert sum(map(len, sets)) == len(set.union(*sets))


def test_a_larger_batch_raises_the_rate_with_its_root_and_is_named_with_the_device() -> None:
    recipe, plain = full_recipe(48_000, 40, 7, None, batch=128, device="cuda"), full_recipe(8000, 15, 7, None)
    assert recipe.plan.peak == pytest.approx(2 * plain.plan.peak)
    assert recipe.device == "cuda"
    assert recipe.command == "sidenote model train compact --count 48000 --epochs 40 --batch 128 --seed 7 --device cuda"
