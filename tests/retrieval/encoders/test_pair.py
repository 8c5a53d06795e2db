"""Two towers as one encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from PIL import Image

from retrieval.encoders.forms import Form
from retrieval.encoders.pair import BATCH, Pair
from retrieval.encoders.tower import Tower
from retrieval.errors import BadCase

FORM = Form("none", "", 1.0)


@dataclass
class Counting:
    """Prepares one number an input, and keeps what it was given, batch by batch."""

    seen: list[list[object]] = field(default_factory=list)

    def texts(self, batch: Sequence[str]) -> tuple[list[float]]:
        self.seen.append(list(batch))
        return ([float(len(text)) for text in batch],)

    def pictures(self, batch: Sequence[Image.Image]) -> tuple[list[float]]:
        self.seen.append([picture.size for picture in batch])
        return ([float(picture.size[0]) for picture in batch],)


def rows(numbers: list[float]) -> np.ndarray:
    return np.array([[number, 1.0] for number in numbers], dtype=np.float32)


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def pair(counting: Counting) -> Pair:
    image: Tower[Image.Image] = Tower(counting.pictures, rows, 2, "image mark", FORM)  # type: ignore[arg-type]
    text: Tower[str] = Tower(counting.texts, rows, 2, "text mark", FORM)  # type: ignore[arg-type]
    return Pair(image, text, one_space=True, name="pair", licence=None)


def test_texts_are_batched_by_length_and_come_back_in_their_order(pair: Pair, counting: Counting) -> None:
    texts = ["x" * (1 + (37 * number) % 150) for number in range(150)]
    vectors = pair.texts(texts)
    assert [len(batch) for batch in counting.seen] == [BATCH, BATCH, 150 - 2 * BATCH]
    asked = [len(str(text)) for batch in counting.seen for text in batch]
    assert asked == sorted(asked)
    assert np.allclose(vectors[:, 0] / vectors[:, 1], [len(text) for text in texts], rtol=1e-5)


def test_blank_texts_never_reach_the_network(pair: Pair, counting: Counting) -> None:
    assert not pair.texts(["", "  ", "\n"]).any()
    assert counting.seen == []


def test_images_are_batched_in_their_order(pair: Pair, counting: Counting) -> None:
    vectors = pair.images([np.zeros((3, 1 + number), np.float32) for number in range(70)])
    assert [len(batch) for batch in counting.seen] == [BATCH, 6]
    assert np.allclose(vectors[:, 0] / vectors[:, 1], np.arange(70) + 1, rtol=1e-5)


def test_a_broken_image_is_refused_before_any_of_its_batch_is_embedded(pair: Pair, counting: Counting) -> None:
    with pytest.raises(BadCase):
        pair.images([np.zeros((3, 3), np.float32), np.full((3, 3), np.nan, np.float32)])
    assert counting.seen == []


def test_a_vector_of_zeros_stays_and_divides_by_nothing(pair: Pair) -> None:
    still = replace(pair, image_tower=replace(pair.image_tower, forward=lambda numbers: np.zeros((len(numbers), 2), np.float32)))
    assert not still.images([np.zeros((3, 3), np.float32)]).any()


@pytest.mark.parametrize("side", ["image_tower", "text_tower"])
def test_either_tower_changes_the_fingerprint_and_the_form_does_not(side: str, pair: Pair) -> None:
    tower = getattr(pair, side)
    assert replace(pair, **{side: replace(tower, fingerprint="other")}).fingerprint != pair.fingerprint
    assert replace(pair, **{side: replace(tower, form=Form("other", "", 0.9995))}).fingerprint == pair.fingerprint


def test_says_how_each_tower_runs(pair: Pair) -> None:
    assert pair.forms == {"images": FORM, "texts": FORM}
