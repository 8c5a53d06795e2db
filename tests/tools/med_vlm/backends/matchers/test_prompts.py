"""A caption in sentences that say of the image what is known, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from tools.med_vlm.asked import Image
from tools.med_vlm.backends.matchers.prompts import sentences

PIXELS = np.zeros((2, 2), np.float32)


@pytest.mark.parametrize(
    ("modality", "body_part", "named"),
    [
        ("DX", "chest", "a chest radiograph"),
        ("CR", None, "a radiograph"),
        ("CT", "abdomen", "an abdomen computed tomography image"),
        ("US", None, "an ultrasound image"),
        ("MG", "breast", "a breast mammogram"),
        (None, None, "an image"),
        ("XX", "chest", "a chest image"),
    ],
)
def test_an_image_is_called_what_is_known_of_it(modality: str | None, body_part: str | None, named: str) -> None:
    made = sentences("no nodule", Image(PIXELS, modality=modality, body_part=body_part))
    assert made[0] == "no nodule"
    assert made[1] == f"{named} showing no nodule"
    assert len(set(made)) == 4
    assert all("no nodule" in sentence for sentence in made)


def test_other_pixels_change_no_sentence() -> None:
    image = Image(PIXELS, view="PA", modality="DX", body_part="chest")
    assert sentences("nodule", image) == sentences("nodule", Image(PIXELS + 1, view="AP", modality="DX", body_part="chest"))
