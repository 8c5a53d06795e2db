"""Phantoms as training examples."""

from __future__ import annotations

import numpy as np

from sidenote.commands.phantom_source import SIZES, lateral_phantoms, phantom_source


def test_gives_the_asked_numbers_in_order_and_always_the_same() -> None:
    numbers = [7, 3, 3]
    first, second, third = phantom_source(numbers)
    assert [first.number, second.number, third.number] == numbers
    assert np.array_equal(second.image, third.image)
    assert second.image.shape == (SIZES[3], SIZES[3])
    assert 0 <= float(first.image.min()) < float(first.image.max()) <= 1


def test_every_example_is_frontal_and_its_labels_have_masks_and_words() -> None:
    for example in phantom_source(range(30)):
        assert example.view != "LATERAL"
        assert set(example.labels) == set(example.masks)
        assert example.sentences


def test_a_tension_pneumothorax_is_taught_as_a_pneumothorax_too() -> None:
    found = [example for example in phantom_source(range(60)) if "tension_pneumothorax" in example.labels]
    assert found
    for example in found:
        assert example.labels["pneumothorax"] == example.labels["tension_pneumothorax"]
        assert np.array_equal(example.masks["pneumothorax"], example.masks["tension_pneumothorax"])


def test_lateral_views_are_given_to_be_refused_without_labels() -> None:
    for image in lateral_phantoms([1, 2]):
        assert image.labels == frozenset()
        assert image.image.ndim == 2
