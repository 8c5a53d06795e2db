"""LLaVA-Rad's four parts become one folder that answers as they do together."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pictures

from tools.med_vlm.backends.local import open_local
from tools.med_vlm.conversion import convert
from tools.med_vlm.errors import ConversionRefused
from tools.med_vlm.identity import pins
from tools.med_vlm.spec import ModelSpec

PICTURE = Pictures.fromarray(np.random.default_rng(6).integers(0, 255, (40, 50), dtype=np.uint8)).convert("RGB")


def test_a_converted_model_answers_as_its_parts_put_together_by_hand(llava_rad_original: Any, tmp_path: Path) -> None:
    folder = convert("llava-rad", llava_rad_original.source, tmp_path / "made", base=llava_rad_original.base)
    model = open_local(ModelSpec(name="rad", backend="transformers", source=str(folder), licence="mit", files=pins(folder)))
    batch = model._batch([model.turns.text("", "What?", [""])], [PICTURE])
    tokens = batch["input_ids"][0].tolist()
    place = model.network.config.image_token_index
    first, count = tokens.index(place), tokens.count(place)
    assert count == 4
    with torch.inference_mode():
        made = model.network(**batch).logits[0, -1]
    expected = llava_rad_original.logits(batch["pixel_values"], tokens[:first], tokens[first + count :])[-1]
    assert torch.allclose(made[: len(expected)], expected, atol=1e-4)


def rewritten(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda source: (source / "adapter_model.bin").unlink(), r"adapter_model\.bin"),
        (lambda source: (source / "non_lora_trainables.bin").unlink(), r"non_lora_trainables\.bin"),
        (lambda source: (source / "tiny_518_checkpoint.pt").unlink(), "weights"),
        (lambda source: (source / "tiny_518.json").unlink(), "settings"),
        (lambda source: rewritten(source / "tiny_518.json", vision_cfg={"timm_model_name": "resnet50"}), "no timm ViT"),
        (lambda source: rewritten(source / "adapter_config.json", use_dora=True), "more than low-rank"),
        (lambda source: rewritten(source / "config.json", mm_vision_tower_checkpoint="../../elsewhere.pt"), "beside"),
    ],
)
def test_a_part_that_is_missing_or_another_is_named(
    spoil: Callable[[Path], Any], reason: str, llava_rad_original: Any, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(llava_rad_original.source, source)
    spoil(source)
    with pytest.raises(ConversionRefused, match=reason):
        convert("llava-rad", source, tmp_path / "made", base=llava_rad_original.base)
