"""Tubes, lines and pacemakers: where they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sandbox.phantoms.canvas import stream
from sandbox.phantoms.devices import PATHS
from sandbox.phantoms.errors import SpecRefused
from sandbox.phantoms.render import anatomy_of, attenuation, render
from sandbox.phantoms.spec import DrawnFinding, PhantomSpec

Study = Callable[..., PhantomSpec]


@pytest.mark.parametrize("seed", range(5))
def test_a_tube_ends_above_the_carina_when_right_and_below_it_when_wrong(seed: int, study: Study) -> None:
    a = anatomy_of(study())
    right, wrong = (list(PATHS["endotracheal tube"](a, stream(seed, 1), w))[-1] for w in (False, True))
    assert 25 < (a.carina[1] - right[1]) * a.field_mm < 60
    assert wrong[1] > a.carina[1]
    assert wrong[0] < a.carina[0], "the right main bronchus lies on the image's left"


@pytest.mark.parametrize("seed", range(5))
def test_a_gastric_tube_ends_below_the_diaphragm_when_right_and_in_the_right_lung_when_wrong(seed: int, study: Study) -> None:
    a = anatomy_of(study())
    right, wrong = (list(PATHS["nasogastric tube"](a, stream(seed, 1), w))[-1] for w in (False, True))
    assert right[1] > a.left.dome
    assert right[0] > 0
    assert wrong[1] < a.right.dome
    assert wrong[0] < -0.1


@pytest.mark.parametrize("seed", range(6))
def test_a_central_line_ends_in_the_cava_only_when_right(seed: int, study: Study) -> None:
    a = anatomy_of(study())
    right, wrong = (list(PATHS["central line"](a, stream(seed, 1), w))[-1] for w in (False, True))
    assert 0 <= right[1] - a.carina[1] < 0.06
    assert wrong[1] < a.right.apex or wrong[1] > a.carina[1] + 0.15


@pytest.mark.parametrize("device", ["endotracheal tube", "nasogastric tube", "central line"])
def test_a_device_in_its_place_is_drawn_without_becoming_a_finding(device: str, study: Study) -> None:
    plain = study(view="AP")
    placed = replace(plain, devices=(device,))  # type: ignore[arg-type]  # parametrize gives str
    assert render(placed, size=128).masks == {}
    assert (attenuation(placed, 128)[0] - attenuation(plain, 128)[0]).max() > 0.05


def test_a_device_cannot_lie_in_two_places(study: Study) -> None:
    wrong = study(DrawnFinding("malpositioned_device", device="central line"))
    with pytest.raises(SpecRefused):
        render(replace(wrong, devices=("central line",)), size=64)


@pytest.mark.parametrize(("side", "half"), [("left", slice(64, 128)), ("right", slice(0, 64))])
def test_the_generator_lies_on_its_side_of_the_upper_chest(side: str, half: slice, study: Study) -> None:
    spec = study(DrawnFinding("pacemaker", side))  # type: ignore[arg-type]  # parametrize gives str
    brighter = attenuation(spec, 128)[0] - attenuation(study(), 128)[0] > 0.4
    assert brighter[:, half].sum() > 0.95 * brighter.sum() > 0
    assert np.nonzero(brighter)[0].max() < 64
