"""Where images are compared for the gate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tools.med_vlm.asked import asked_of
from tools.med_vlm.compact.examples.example import TrainingExample
from tools.med_vlm.compact.files import SHIPPED, load_calibration
from tools.med_vlm.compact.reader import CompactReader
from tools.med_vlm.compact.weights import load
from tools.med_vlm.trust.space import Space, shipped_space

F32 = NDArray[np.float32]


def test_the_space_that_ships_is_the_compact_models(reader: CompactReader, phantoms: tuple[TrainingExample, ...]) -> None:
    space = shipped_space()
    assert space.fingerprint == reader.weights
    texture = space.look(phantoms[0].image)
    judged = reader.read(asked_of(phantoms[0].image))
    own = load(SHIPPED, load_calibration())
    assert float(own.gate.distance(texture[None])[0]) == pytest.approx(judged.ood_score, rel=1e-4)


def test_the_same_image_lies_in_the_same_place(small_space: Space, picture: Callable[..., F32]) -> None:
    once, again, other = (small_space.look(one) for one in (picture(1), picture(1).copy(), picture(2)))
    assert (once.ndim, once.dtype) == (1, np.float32)
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)
