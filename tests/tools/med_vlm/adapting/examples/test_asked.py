"""What a reader is asked about a case is what the case says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tools.med_vlm.adapting.examples.asked import asked_about
from tools.med_vlm.adapting.examples.corpus import Pair

PIXELS = np.zeros((40, 40), dtype=np.float32)


@pytest.mark.parametrize(("sex", "expected"), [("female", "female"), ("male", "male"), ("other", None), ("unknown", None)])
def test_a_reader_is_told_what_the_case_says(sex: str, expected: str | None, pair_of: Callable[..., Pair]) -> None:
    asked = asked_about(replace(pair_of(0), sex=sex), PIXELS)
    assert (asked.sex, asked.age_years) == (expected, 50)
    assert (asked.focal.view, asked.focal.modality, asked.focal.body_part) == ("PA", "CR", "chest")
