"""The exposure: pose, window, noise, marker, collimation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sandbox.phantoms.exposure import develop, expose, posed, posed_mask
from sandbox.phantoms.spec import DrawnFinding, PhantomSpec

Study = Callable[..., PhantomSpec]


def test_a_finding_never_changes_the_exposure(study: Study) -> None:
    assert expose(study()) == expose(study(DrawnFinding("pleural_effusion", "left")))


def test_exposures_vary_with_the_seed(study: Study) -> None:
    drawn = [expose(study(seed=seed)) for seed in range(60)]
    assert {e.marker for e in drawn} == {"R", "L", ""}
    assert len({e.low for e in drawn}) == 60
    assert any(any(e.shutters) for e in drawn)


@pytest.mark.parametrize("seed", range(40))
def test_the_marker_stands_on_its_own_side(seed: int, study: Study) -> None:
    e = expose(study(seed=seed))
    assert e.marker_at[0] < 0.2 if e.marker == "R" else e.marker_at[0] > 0.8 if e.marker == "L" else e.marker_at[0] == 0.5


def test_more_attenuation_is_brighter(study: Study) -> None:
    e = replace(expose(study()), noise=0.0, marker="", shutters=(0, 0, 0, 0), flatten=0.0, scatter=0.0)
    ramp = np.tile(np.linspace(0, 1.5, 64, dtype=np.float32), (64, 1))
    row = develop(ramp, study(), e, 12)[32].astype(int)
    assert (np.diff(row) >= 0).all()
    assert row[0] == 0
    assert row[-1] > 3500


def test_noise_grows_with_attenuation(study: Study) -> None:
    e = replace(expose(study()), marker="", shutters=(0, 0, 0, 0), low=0.0, gamma=1.0)
    thin, thick = (develop(np.full((96, 96), level, np.float32), study(), e, 16).astype(float).std() for level in (0.2, 0.6))
    assert thick > 1.2 * thin


def test_collimated_borders_are_black(study: Study) -> None:
    e = replace(expose(study()), shutters=(0.05, 0.0, 0.0, 0.1))
    pixels = develop(np.full((100, 100), 0.8, np.float32), study(), e, 12)
    assert not pixels[:, :5].any()
    assert not pixels[90:].any()
    assert pixels[:85, 10:].any()


def test_image_and_mask_take_the_same_pose(study: Study) -> None:
    e = replace(expose(study()), tilt=0.05, offset=(0.02, -0.01), zoom=1.05)
    layer = np.zeros((128, 128), np.float32)
    layer[40:60, 70:100] = 1
    assert np.abs(posed(layer, e) - posed_mask(layer > 0, e)).mean() < 0.01
