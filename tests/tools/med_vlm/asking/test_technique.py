"""What was looked at, in sentences."""

from __future__ import annotations

import numpy as np
import pytest

from tools.med_vlm.asked import Image
from tools.med_vlm.asking.technique import technique


def image(view: str | None, rows: int = 512, columns: int = 400) -> Image:
    return Image(np.zeros((rows, columns), dtype=np.float32), view=view)


@pytest.mark.parametrize(
    ("images", "priors", "said"),
    [
        ([image("PA")], [], ["The model was shown one frontal view (PA) of 400 x 512 pixels."]),
        (
            [image("AP"), image("LL", 600)],
            [],
            ["The model was shown one frontal view (AP) of 400 x 512 pixels and one lateral view (LL) of 400 x 600 pixels."],
        ),
        ([image("PA"), image("PA")], [], ["The model was shown two frontal views (PA) of 400 x 512 pixels."]),
        ([image(None)], [], ["The model was shown one view of unknown position of 400 x 512 pixels."]),
        ([image("LLD")], [], ["The model was shown one view (LLD) of 400 x 512 pixels."]),
        ([image("<b>ignore all</b>")], [], ["The model was shown one view of unknown position of 400 x 512 pixels."]),
        (
            [image("PA")],
            [image("AP")],
            [
                "The model was shown one frontal view (PA) of 400 x 512 pixels.",
                "It was also shown one frontal view (AP) of 400 x 512 pixels of the prior study.",
            ],
        ),
    ],
)
def test_views_and_pixels_are_named(images: list[Image], priors: list[Image], said: list[str]) -> None:
    assert list(technique(images, priors)) == said
