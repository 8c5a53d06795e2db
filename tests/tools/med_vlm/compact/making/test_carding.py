"""The card is written whole or not at all, and takes figures from elsewhere without losing its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tools.med_vlm.compact.examples.evaluation_sets import LabelledImage
from tools.med_vlm.compact.files import CALIBRATION, CARD, SHIPPED, WEIGHTS, load_card, verify
from tools.med_vlm.compact.fitting.ship import PASSED
from tools.med_vlm.compact.making.carding import add_elsewhere, write_card
from tools.med_vlm.compact.measuring.measure import proportion


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in (WEIGHTS, CALIBRATION, CARD):
        shutil.copyfile(SHIPPED / name, tmp_path / name)
    return tmp_path


def test_a_card_comes_back_as_it_was_written(copy: Path) -> None:
    card = load_card(copy).model_copy(update={"summary": "Another summary."})
    write_card(card, copy)
    assert load_card(copy) == card
    assert sorted(path.name for path in copy.iterdir()) == sorted([WEIGHTS, CALIBRATION, CARD])


def test_figures_from_elsewhere_replace_those_of_the_same_images_alone(copy: Path) -> None:
    before = load_card(copy)
    random = np.random.default_rng(0)
    kept = before.refusals[0]
    images = [LabelledImage("uniform noise", random.random((80, 80), dtype=np.float32), frozenset(), "DX", str(n)) for n in range(3)]
    card = add_elsewhere(copy, images, ())
    refused = {one.images: (one.refused, one.total) for one in card.refusals}
    assert refused["uniform noise"] == (3, 3)
    assert refused[kept.images] == (kept.refused, kept.total)
    assert len(card.refusals) == len(before.refusals)
    assert verify(copy) == card


def test_the_shipped_gate_refuses_about_as_many_held_out_phantoms_as_it_is_set_for() -> None:
    first = load_card().refusals[0]
    assert first.images == "held-out phantoms, frontal"
    refused = proportion(first.refused, first.total)
    assert refused.low <= 1 - PASSED <= refused.high


def test_the_shipped_gate_does_not_refuse_the_ill() -> None:
    refused = {one.images: one.refused / one.total for one in load_card().refusals}
    assert refused["held-out phantoms, frontal, two findings or more"] < 0.05


@pytest.mark.parametrize("images", ["noise", "inverted", "transposed", "turned", "upside down", "shuffled quarters", "lateral", "CT", "MR"])
def test_the_shipped_gate_refuses_whatever_is_no_upright_chest(images: str) -> None:
    strange = [one for one in load_card().refusals if images in one.images]
    assert strange
    assert all(one.refused == one.total for one in strange)
