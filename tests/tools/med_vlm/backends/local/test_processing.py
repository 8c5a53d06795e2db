"""Pictures and words into numbers, for families whose own processor asks for videos too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.med_vlm.backends.local.processing import MOST_PIXELS, load_processor
from tools.med_vlm.errors import CheckpointRefused

PICTURE = Image.fromarray(np.zeros((60, 60, 3), np.uint8))


@pytest.mark.parametrize(("family", "model_type"), [("qwen2-vl", "qwen2_vl"), ("qwen2.5-vl", "qwen2_5_vl"), ("qwen3-vl", "qwen3_vl")])
def test_qwens_pictures_are_read_without_its_reader_of_videos(family: str, model_type: str, tiny: Callable[..., Path]) -> None:
    processor = load_processor(tiny(family), model_type)
    text = "<|vision_start|><|image_pad|><|vision_end|>What?"
    batch = processor(images=[[PICTURE]], text=[text], return_tensors="pt")
    places = int((batch["input_ids"] == processor.image_token_id).sum())
    assert places == int(batch["image_grid_thw"].prod()) // 4 > 0
    assert getattr(processor, "video_processor", None) is None


def test_a_picture_is_never_more_than_so_many_tokens(tiny: Callable[..., Path], tmp_path: Path) -> None:
    folder = tiny("qwen2.5-vl", tmp_path / "large")
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"max_pixels": 12_845_056, "min_pixels": 3136}))
    processor = load_processor(folder, "qwen2_5_vl")
    assert processor.image_processor.size["longest_edge"] == MOST_PIXELS
    grid = processor.image_processor(images=[Image.new("RGB", (2500, 3000))], return_tensors="pt")["image_grid_thw"]
    assert int(grid.prod()) * 14 * 14 <= MOST_PIXELS


def test_smolvlm_is_refused_with_a_word_on_what_to_take_instead(tmp_path: Path) -> None:
    with pytest.raises(CheckpointRefused, match="Idefics3"):
        load_processor(tmp_path, "smolvlm")


def test_a_folder_of_words_alone_is_refused(tiny: Callable[..., Path], tmp_path: Path) -> None:
    folder = tiny("qwen3-vl", tmp_path / "words")
    for name in ("preprocessor_config.json", "video_preprocessor_config.json", "config.json"):
        (folder / name).unlink()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(CheckpointRefused, match="pictures"):
        load_processor(folder, "llama")


def test_texts_are_padded_with_some_token(tiny: Callable[..., Path], tmp_path: Path) -> None:
    folder = tiny("llava", tmp_path / "padless")
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != "pad_token"}))
    processor = load_processor(folder, "llava")
    assert processor.tokenizer.pad_token == processor.tokenizer.eos_token
