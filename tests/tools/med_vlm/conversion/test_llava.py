"""LLaVA in its authors' layout becomes a folder that answers as the authors' network does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pictures

from tools.med_vlm.asked import asked_of
from tools.med_vlm.backends.local import open_local
from tools.med_vlm.conversion import convert
from tools.med_vlm.errors import ConversionRefused
from tools.med_vlm.identity import pins
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Prompt, Question

PIXELS = np.random.default_rng(5).random((40, 28), dtype=np.float32)
LAYOUTS = [("llava", "llava_llama", False), ("llava-med", "llava_mistral", True), ("huatuogpt-vision", "llava_qwen2", True)]


def opened(folder: Path) -> Any:
    return open_local(ModelSpec(name="made", backend="transformers", source=str(folder), licence="mit", files=pins(folder)))


def both(model: Any, original: Any, text: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The next token's logits after a text with one image: of the converted model, and by hand from the same numbers."""
    picture = Pictures.fromarray((PIXELS * 255).astype(np.uint8)).convert("RGB")
    batch = model._batch([text], [picture])
    tokens = batch["input_ids"][0].tolist()
    place = model.network.config.image_token_index
    first, last = tokens.index(place), len(tokens) - tokens[::-1].index(place)
    with torch.inference_mode():
        made = model.network(**batch).logits[0, -1]
    return made, original.logits(batch["pixel_values"], tokens[:first], tokens[last:])[-1]


@pytest.mark.parametrize(("kind", "named", "towered"), LAYOUTS)
def test_a_converted_model_answers_as_the_authors_network(
    kind: str, named: str, towered: bool, llava_original: Callable[..., Any], tmp_path: Path
) -> None:
    original = llava_original(named, towered=towered)
    folder = convert(kind, original.source, tmp_path / "made", base=original.base)
    model = opened(folder)
    made, expected = both(model, original, model.turns.text("", "Is there an effusion?", [""]))
    assert torch.allclose(made[: len(expected)], expected, atol=1e-5)
    (answer,) = model.choose(asked_of(PIXELS), [Question("e", "Is there an effusion?", ("yes", "no"), ())])
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert model.write(asked_of(PIXELS), Prompt("", "Describe.", most_tokens=4))


@pytest.mark.parametrize(
    ("kind", "named", "text"),
    [
        ("llava", "llava_llama", "You read. USER: <image>\nWhat? ASSISTANT:"),
        ("llava-med", "llava_mistral", "[INST] <image>\nYou read.\n\nWhat? [/INST]"),
        ("huatuogpt-vision", "llava_qwen2", "<|user|>\n<image>\nYou read.\n\nWhat?\n<|assistant|>\n"),
    ],
)
def test_each_is_spoken_to_in_the_way_it_was_trained(
    kind: str, named: str, text: str, llava_original: Callable[..., Any], tmp_path: Path
) -> None:
    original = llava_original(named)
    turns = opened(convert(kind, original.source, tmp_path / "made", base=original.base)).turns
    assert turns.text("You read.", "What?", [""]) == text


def test_pictures_are_padded_to_squares_where_the_authors_do_so(llava_original: Callable[..., Any], tmp_path: Path) -> None:
    shapes = {}
    for ratio in ("pad", "square"):
        original = llava_original("llava_llama", image_aspect_ratio=ratio)
        model = opened(convert("llava", original.source, tmp_path / ratio, base=original.base))
        tall = Pictures.new("RGB", (14, 28), (255, 255, 255))
        pixels = model._batch([model.turns.text("", "What?", [""])], [tall])["pixel_values"]
        mean = torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)
        shapes[ratio] = pixels[0] * torch.tensor([0.3, 0.2, 0.1]).view(3, 1, 1) + mean
    assert torch.allclose(shapes["square"], torch.ones(3, 28, 28), atol=1e-2)
    assert torch.allclose(shapes["pad"][:, :, 0], torch.tensor([0.5, 0.4, 0.3]).view(3, 1).expand(3, 28), atol=2e-2)
    assert torch.allclose(shapes["pad"][:, :, 14], torch.ones(3, 28), atol=1e-2)


def test_the_images_token_is_never_the_likeliest(llava_original: Callable[..., Any], tmp_path: Path) -> None:
    original = llava_original("llava_llama")
    model = opened(convert("llava", original.source, tmp_path / "made", base=original.base))
    made, _ = both(model, original, model.turns.text("", "What?", [""]))
    image = model.network.config.image_token_index
    assert made[image] == pytest.approx(float(made[:image].mean()), abs=1e-4)
    assert int(made.argmax()) != image


def rewritten(source: Path, **changes: Any) -> None:
    path = source / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def dropped(source: Path, name: str, new: str | None = None) -> None:
    for path in source.glob("*.bin"):
        held = torch.load(path, weights_only=True)
        if name in held:
            tensor = held.pop(name)
            if new:
                held[new] = tensor
            torch.save(held, path)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda source: rewritten(source, mm_projector_type="linear"), "projector"),
        (lambda source: rewritten(source, model_type="llava_mpt"), "language model"),
        (lambda source: dropped(source, "model.mm_projector.2.bias"), r"mm_projector\.2\.bias"),
        (lambda source: dropped(source, "model.embed_tokens.weight"), "embed_tokens"),
        (lambda source: dropped(source, "model.norm.weight"), "1 tensors"),
        (lambda source: dropped(source, "model.norm.weight", "model.other.weight"), "2 tensors"),
        (lambda source: dropped(source, "model.norm.weight", "other.weight"), "left over"),
        (lambda source: rewritten(source, hidden_size=48), "tensors|cannot be made"),
        (lambda source: rewritten(source, mm_vision_select_feature="all"), "patches"),
        (lambda source: rewritten(source, num_attention_heads="two"), "no model|cannot be made"),
        (lambda source: (source.parent / "clip" / "preprocessor_config.json").write_text('{"size": "large"}'), "no model|cannot be made"),
        (lambda source: (source / "tokenizer.json").unlink(), "tokenizer"),
        (lambda source: (source / "config.json").write_text("[]"), r"config\.json"),
    ],
)
def test_what_is_not_of_the_layout_is_refused_and_leaves_nothing_behind(
    spoil: Callable[[Path], Any], reason: str, llava_original: Callable[..., Any], tmp_path: Path
) -> None:
    original = llava_original("llava_llama")
    spoil(original.source)
    with pytest.raises(ConversionRefused, match=reason):
        convert("llava", original.source, tmp_path / "made", base=original.base)
    assert list(tmp_path.iterdir()) == []
