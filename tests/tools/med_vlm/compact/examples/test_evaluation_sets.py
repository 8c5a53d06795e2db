"""Pictures to refuse, and external sets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from tools.med_vlm.compact.examples.evaluation_sets import external, strange


def test_strange_pictures_are_seeded_and_in_range() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 96, 96)).astype(np.uint8)
    first, second = strange(images, 1), strange(images, 1)
    for name, pictures in first.items():
        assert len(pictures) == 3
        for one, other in zip(pictures, second[name], strict=True):
            assert one.shape == (96, 96)
            assert one.dtype == np.float32
            assert 0 <= float(one.min()) < float(one.max()) <= 1
            assert np.array_equal(one, other)


def test_an_index_of_images_is_read_with_its_labels(tmp_path: Path) -> None:
    (tmp_path / "images" / "set").mkdir(parents=True)
    Image.fromarray(np.full((70, 80, 3), 128, np.uint8)).save(tmp_path / "images" / "set" / "a.png")
    row = {"path": "images/set/a.png", "labels": ["Effusion"], "modality": "DX"}
    (tmp_path / "images.jsonl").write_text(json.dumps(row) + "\n")
    (one,) = external(tmp_path / "images.jsonl")
    assert (one.group, one.labels, one.modality, one.image.shape) == ("set", frozenset({"Effusion"}), "DX", (70, 80))
    assert abs(float(one.image.mean()) - 128 / 255) < 1e-3
