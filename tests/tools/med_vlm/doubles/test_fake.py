"""What only the doubles promise; the rest is the contract in `test_reading`."""

from __future__ import annotations

import numpy as np

from tools.med_vlm.asked import asked_of
from tools.med_vlm.doubles.fake import FixedReader, SeededReader, abstention


def test_the_fixed_reader_gives_what_it_was_told() -> None:
    told = abstention("double", "f" * 64, "told to")
    assert FixedReader(told).read(asked_of(np.random.default_rng(0).random((80, 80), dtype=np.float32))) is told


def test_the_seeded_reader_says_different_things_of_different_images() -> None:
    random = np.random.default_rng(0)
    readings = {SeededReader().read(asked_of(random.random((80, 80), dtype=np.float32))).model_dump_json() for _ in range(5)}
    assert len(readings) == 5


def test_doubles_name_themselves_as_doubles() -> None:
    assert "double" in SeededReader().name
