"""What a model is asked."""

from __future__ import annotations

import numpy as np
import pytest

from tools.med_vlm.asked import Asked, Image, asked_of

PIXELS = np.zeros((4, 6), dtype=np.float32)


def test_nothing_can_be_asked_without_an_image() -> None:
    with pytest.raises(ValueError, match="needs an image"):
        Asked(())


def test_an_array_alone_says_nothing_of_itself() -> None:
    focal = asked_of(PIXELS).focal
    assert (focal.view, focal.modality, focal.body_part, focal.sha256) == (None, None, None, "")


def test_other_pixels_keep_the_words_and_what_is_said_of_the_image_but_no_other_view() -> None:
    asked = Asked((Image(PIXELS, "PA", "DX", "chest", "a"), Image(PIXELS, "LL")), question="Why?", age_years=71)
    other = asked.with_pixels(PIXELS + 1)
    assert len(other.images) == 1
    assert (other.focal.view, other.focal.modality, other.focal.sha256) == ("PA", "DX", "")
    assert (other.question, other.age_years) == ("Why?", 71)
    assert float(other.focal.pixels[0, 0]) == 1


def test_pixels_do_not_stand_in_a_representation() -> None:
    assert "array" not in repr(asked_of(PIXELS))
