"""Where images are compared for the gate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.compact.examples.example import TrainingExample
from tools.med_vlm.compact.reader import CompactReader
from tools.med_vlm.trust.space import Space, shipped_space

F32 = NDArray[np.float32]


def test_the_space_that_ships_is_the_compact_models(reader: CompactReader, phantoms: tuple[TrainingExample, ...]) -> None:
    space = shipped_space()
    assert space.fingerprint == reader.weights
    embedding, texture = space.look(phantoms[0].image)
    np.testing.assert_allclose(embedding, reader.embed([phantoms[0].image])[0], atol=1e-4)
    assert texture.ndim == 1
    assert np.isfinite(texture).all()


def test_the_same_image_lies_in_the_same_place(small_space: Space, picture: Callable[..., F32]) -> None:
    once, again = small_space.look(picture(1)), small_space.look(picture(1).copy())
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert np.linalg.norm(once[0]) == np.float32(1) or abs(np.linalg.norm(once[0]) - 1) < 1e-5
