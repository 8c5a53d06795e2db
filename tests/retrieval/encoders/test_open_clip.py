"""BiomedCLIP's layout, held to a composition of the published networks; and what of it is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from retrieval.encoders.open_clip import CONFIG, SAFETENSORS, TORCH, _square, open_open_clip, read_settings
from retrieval.errors import EncoderDamaged, EncoderMissing

Copy = Callable[[str], Path]
Tensors = dict[str, Tensor]


def composed(tensors: Tensors) -> tuple[nn.Module, nn.Module]:
    """`ViTModel` and `BertModel` with the tensors under their own names."""
    from transformers import BertConfig, BertModel, ViTConfig, ViTModel

    shape = {"hidden_size": 128, "intermediate_size": 160, "num_hidden_layers": 2, "num_attention_heads": 2}
    vit = ViTModel(ViTConfig(layer_norm_eps=1e-6, image_size=32, patch_size=8, **shape), add_pooling_layer=False).eval()
    trunk = {name.removeprefix("visual.trunk."): tensor for name, tensor in tensors.items() if name.startswith("visual.trunk.")}
    made = {"embeddings.cls_token": trunk["cls_token"], "embeddings.position_embeddings": trunk["pos_embed"]}
    names = {
        "norm1": "layernorm_before",
        "norm2": "layernorm_after",
        "attn.proj": "attention.o_proj",
        "mlp.fc1": "mlp.fc1",
        "mlp.fc2": "mlp.fc2",
    }
    for end in ("weight", "bias"):
        made |= {
            f"embeddings.patch_embeddings.projection.{end}": trunk[f"patch_embed.proj.{end}"],
            f"layernorm.{end}": trunk[f"norm.{end}"],
        }
        for block in range(2):
            parts = trunk[f"blocks.{block}.attn.qkv.{end}"].chunk(3)
            made |= {f"layers.{block}.attention.{part}_proj.{end}": tensor for part, tensor in zip("qkv", parts, strict=True)}
            made |= {f"layers.{block}.{theirs}.{end}": trunk[f"blocks.{block}.{ours}.{end}"] for ours, theirs in names.items()}
    vit.load_state_dict(made)
    words = {name.removeprefix("text.transformer."): tensor for name, tensor in tensors.items() if name.startswith("text.transformer.")}
    small = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 1, "max_position_embeddings": 32}
    vocabulary = words["embeddings.word_embeddings.weight"].shape[0]
    bert = BertModel(BertConfig(vocab_size=vocabulary, **small), add_pooling_layer=False).eval()
    bert.load_state_dict(words)
    return vit, bert


def test_vectors_are_those_of_the_published_networks_put_together(
    published: Copy, images: Sequence[np.ndarray], reports: Sequence[str]
) -> None:
    from transformers import CLIPImageProcessorPil, PreTrainedTokenizerFast

    folder = published("open_clip")
    tensors = load_file(folder / SAFETENSORS[0])
    vit, bert = composed(tensors)
    scale = json.loads((folder / CONFIG).read_text())["preprocess_cfg"]
    sizes = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    processor = CLIPImageProcessorPil(image_mean=scale["mean"], image_std=scale["std"], **sizes)
    pictures = [Image.fromarray(np.rint(image * 255).astype(np.uint8)).convert("RGB") for image in images]
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), pad_token="[PAD]")
    words = tokenizer(list(reports), padding="max_length", max_length=24, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        token = vit(**processor(images=pictures, return_tensors="pt")).last_hidden_state[:, 0]
        seen = token @ tensors["visual.head.proj.weight"].T
        first = bert(input_ids=words["input_ids"], attention_mask=words["attention_mask"]).last_hidden_state[:, 0]
        said = nn.functional.gelu(first @ tensors["text.proj.0.weight"].T) @ tensors["text.proj.2.weight"].T
    encoder = open_open_clip(str(folder))
    for ours, theirs in ((encoder.images(images), seen), (encoder.texts(reports), said)):
        assert (ours * nn.functional.normalize(theirs, dim=1).numpy()).sum(axis=1).min() > 0.999


def test_a_torch_file_of_tensors_gives_the_same_vectors(changed: Copy, published: Copy, reports: Sequence[str]) -> None:
    folder = changed("open_clip")
    torch.save(load_file(folder / SAFETENSORS[0]), folder / TORCH)
    (folder / SAFETENSORS[0]).unlink()
    encoder, other = open_open_clip(str(folder)), open_open_clip(str(published("open_clip")))
    assert np.array_equal(encoder.texts(reports), other.texts(reports))
    assert encoder.fingerprint != other.fingerprint


class Code:
    """What runs a command when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.place}",)


def test_a_torch_file_that_holds_code_is_refused_and_nothing_of_it_runs(changed: Copy, tmp_path: Path) -> None:
    folder = changed("open_clip")
    torch.save({**load_file(folder / SAFETENSORS[0]), "extra": Code(tmp_path / "ran")}, folder / TORCH)
    (folder / SAFETENSORS[0]).unlink()
    with pytest.raises(EncoderDamaged, match="more than tensors"):
        open_open_clip(str(folder))
    assert not (tmp_path / "ran").exists()
    torch.load(folder / TORCH, weights_only=False)  # the trap is real: read as it comes, it runs
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("held", [b"", b"PK\x03\x04", b"\x80\x04.", b"no weights"])
def test_a_torch_file_that_is_none_is_refused(held: bytes, changed: Copy) -> None:
    folder = changed("open_clip")
    (folder / SAFETENSORS[0]).unlink()
    (folder / TORCH).write_bytes(held)
    with pytest.raises(EncoderDamaged):
        open_open_clip(str(folder))


def reweighted(change: Callable[[Tensors], object], folder: Path) -> Path:
    tensors = load_file(folder / SAFETENSORS[0])
    change(tensors)
    save_file(tensors, folder / SAFETENSORS[0])
    return folder


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors.pop("visual.head.proj.weight"),
        lambda tensors: tensors.pop("visual.trunk.blocks.1.mlp.fc2.bias"),
        lambda tensors: tensors.pop("text.proj.2.weight"),
        lambda tensors: tensors.pop("text.transformer.embeddings.word_embeddings.weight"),
        lambda tensors: tensors.pop("text.transformer.encoder.layer.1.output.dense.weight"),
        lambda tensors: tensors.update({"visual.head.mlp.fc1.weight": torch.zeros(2, 2)}),
        lambda tensors: tensors.update({"visual.trunk.fc_norm.weight": torch.zeros(128)}),
        lambda tensors: tensors.update({"text.ln_final.weight": torch.zeros(64)}),
        lambda tensors: tensors.update({"momentum.weight": torch.zeros(2)}),
        lambda tensors: tensors.update({"text.proj.2.weight": torch.zeros(31, 48)}),
        lambda tensors: tensors.update({"visual.head.proj.weight": torch.zeros(32)}),
        lambda tensors: tensors.update({"visual.head.proj.weight": torch.full((32, 128), float("nan"))}),
    ],
)
def test_weights_missing_left_over_or_not_fitting_are_refused(change: Callable[[Tensors], object], changed: Copy) -> None:
    with pytest.raises(EncoderDamaged):
        open_open_clip(str(reweighted(change, changed("open_clip"))))


def test_what_belongs_to_the_training_alone_may_be_there_or_not(changed: Copy) -> None:
    open_open_clip(str(reweighted(lambda tensors: tensors.update({"logit_bias": torch.zeros(1)}), changed("open_clip"))))
    open_open_clip(str(reweighted(lambda tensors: tensors.pop("logit_scale"), changed("open_clip"))))


def test_the_name_that_a_conversion_gives_the_weights_will_do(changed: Copy) -> None:
    folder = changed("open_clip")
    published = open_open_clip(str(folder))
    (folder / SAFETENSORS[0]).rename(folder / SAFETENSORS[1])
    assert np.array_equal(open_open_clip(str(folder)).texts(["left effusion"]), published.texts(["left effusion"]))


@pytest.mark.parametrize("name", [CONFIG, SAFETENSORS[0], "tokenizer.json"])
def test_a_missing_file_is_named(name: str, changed: Copy) -> None:
    folder = changed("open_clip")
    (folder / name).unlink()
    with pytest.raises(EncoderMissing, match=name):
        open_open_clip(str(folder))


def test_a_tokenizer_that_is_none_is_refused(changed: Copy) -> None:
    folder = changed("open_clip")
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(EncoderDamaged, match=r"tokenizer\.json"):
        open_open_clip(str(folder))


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("vision_cfg", "timm_model_name", "vit_base_patch16_clip_224"),
        ("vision_cfg", "timm_model_name", "swin_base_patch4_window7_224"),
        ("vision_cfg", "timm_pool", "avg"),
        ("vision_cfg", "timm_proj", "mlp"),
        ("vision_cfg", "image_size", [224, 224]),
        ("text_cfg", "hf_model_name", "roberta-base"),
        ("text_cfg", "hf_model_name", "gpt2"),
        ("text_cfg", "hf_proj_type", None),
        ("text_cfg", "hf_pooler_type", "mean_pooler"),
    ],
)
def test_an_architecture_that_is_not_covered_is_refused(part: str, key: str, value: object, published: Copy) -> None:
    config = json.loads((published("open_clip") / CONFIG).read_text())
    read_settings(config)
    config["model_cfg"][part][key] = value
    with pytest.raises(EncoderDamaged, match="open_clip_config"):
        read_settings(config)


@pytest.mark.parametrize("config", [{}, {"model_cfg": 1, "preprocess_cfg": {}}, {"model_cfg": {"vision_cfg": {}, "text_cfg": {}}}])
def test_settings_that_say_too_little_are_refused(config: dict[str, object]) -> None:
    with pytest.raises(EncoderDamaged):
        read_settings(config)


@pytest.mark.parametrize(("width", "height"), [(32, 32), (200, 100), (100, 201), (31, 400), (33, 34), (1, 3)])
def test_the_middle_square_has_its_side_whatever_the_picture(width: int, height: int) -> None:
    assert _square(Image.new("RGB", (width, height)), 32).size == (32, 32)
