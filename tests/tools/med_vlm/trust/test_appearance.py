"""What pixels alone tell: pages, charts, noise, and what may be a radiograph."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tools.med_vlm.compact.examples.example import TrainingExample
from tools.med_vlm.trust.appearance import appearance, may_be_radiograph, no_picture

F32 = NDArray[np.float32]


def _pixels(image: Image.Image) -> F32:
    return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)


def _page() -> F32:
    image = Image.new("L", (800, 1000), 255)
    for y in range(40, 960, 22):
        ImageDraw.Draw(image).text((40, y), "Findings: small left pleural effusion, no pneumothorax. " * 2, fill=0)
    return _pixels(image)


def _chart() -> F32:
    image = Image.new("L", (600, 400), 255)
    for bar in range(12):
        ImageDraw.Draw(image).rectangle((30 + bar * 45, 380 - 20 * bar, 60 + bar * 45, 380), fill=20 * bar)
    return _pixels(image)


def _faint_page() -> F32:
    """Scanned on a machine that leaves nothing quite black or white."""
    random = np.random.default_rng(0)
    page = _page() * 0.8 + 0.1
    return np.clip(page + random.normal(0, 0.02, page.shape), 0, 1).astype(np.float32)


NONE = {
    "a scanned page": _page,
    "its negative": lambda: np.float32(1) - _page(),
    "a faint scanned page": _faint_page,
    "a bar chart": _chart,
    "uniform noise": lambda: np.random.default_rng(1).random((256, 256), dtype=np.float32),
    "vertical stripes of noise": lambda: np.tile(np.random.default_rng(2).random((1, 256), dtype=np.float32), (256, 1)),
    "one grey": lambda: np.full((100, 100), 0.5, np.float32),
}


@pytest.mark.parametrize("kind", NONE)
def test_what_is_no_picture_of_a_body_is_none(kind: str) -> None:
    seen = appearance(NONE[kind]())
    assert no_picture(seen)
    assert not may_be_radiograph(seen)


def test_phantoms_pass_and_so_do_soft_pictures(phantoms: tuple[TrainingExample, ...], picture: Callable[..., F32]) -> None:
    images = [*(example.image for example in phantoms[:20]), *(picture(seed) for seed in range(20))]
    assert [no_picture(appearance(image)) for image in images] == [""] * 40
    assert all(may_be_radiograph(appearance(image)) for image in images)


def test_a_radiograph_in_a_wide_black_frame_is_read_only_if_its_file_says_what_it_is(phantoms: tuple[TrainingExample, ...]) -> None:
    framed = np.pad(phantoms[0].image, 200)
    assert no_picture(appearance(framed)) == ""
    assert not may_be_radiograph(appearance(framed))


def _kit_images(kit: Path, modalities: set[str], every: int) -> Iterator[F32]:
    rows = [json.loads(line) for line in (kit / "images.jsonl").read_text("utf-8").splitlines()]
    fitting = [row for row in rows if row["modality"] in modalities and min(row["width"], row["height"]) >= 64]
    for row in fitting[::every]:
        with Image.open(kit / row["path"]) as image:
            yield _pixels(image)


def test_every_real_radiograph_of_the_kit_may_be_one(kit: Path) -> None:
    seen = [appearance(image) for image in _kit_images(kit, {"CR", "DX"}, every=6)]
    assert len(seen) >= 90
    assert all(may_be_radiograph(one) for one in seen)


def test_most_slices_of_the_kit_cannot_be_one(kit: Path) -> None:
    taken = [may_be_radiograph(appearance(image)) for image in _kit_images(kit, {"CT", "MR"}, every=1)]
    assert len(taken) >= 15
    assert np.mean(taken) < 0.5


@given(image=hnp.arrays(np.float32, st.tuples(st.integers(2, 70), st.integers(2, 70)), elements=st.floats(0, 1, width=32)))
def test_statistics_are_finite_and_in_their_range(image: F32) -> None:
    seen = appearance(image)
    assert 0 <= seen.extremes <= 1
    assert 0 < seen.commonest <= 1
    assert 1 <= seen.greys <= 256
    assert -1.001 <= seen.smoothness <= 1.001
