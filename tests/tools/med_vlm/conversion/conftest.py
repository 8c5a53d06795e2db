"""Tiny checkpoints in the layouts of LLaVA's authors, and the same networks put together by hand as they describe them.

The references use transformers' language models and vision towers as bricks, and nothing of what joins them there.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

Load = Callable[[str], Any]


@dataclass(frozen=True)
class Original:
    """A checkpoint in its authors' layout, the folder of its base, and its logits by hand: of pixels [1, 3, side, side] and tokens."""

    source: Path
    base: Path
    logits: Callable[[Tensor, list[int], list[int]], Tensor]
    """Of the picture, the tokens before it and those after it."""


@pytest.fixture(scope="session")
def bricks() -> Any:
    """The builders of tiny.py: tokenizers and sizes."""
    path = Path(__file__).parents[1] / "tiny.py"
    spec = importlib.util.spec_from_file_location("tiny_bricks", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["tiny_bricks"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def projector(inner: int, outer: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inner, outer), nn.GELU(), nn.Linear(outer, outer))


def by_hand(see: Callable[[Tensor], Tensor], project: nn.Module, language: Any) -> Callable[[Tensor, list[int], list[int]], Tensor]:
    """The authors' forward pass: rows of the picture put between the rows of the words."""

    def logits(pixels: Tensor, before: list[int], after: list[int]) -> Tensor:
        table = language.get_input_embeddings()
        with torch.inference_mode():
            rows = [table(torch.tensor(before)), project(see(pixels))[0], table(torch.tensor(after))]
            made: Tensor = language(inputs_embeds=torch.cat(rows)[None]).logits[0]
        return made

    return logits


def language_of(bricks: Any, kind: str, tokenizer: Any) -> tuple[Any, dict[str, Any]]:
    from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM

    configs = {"llama": LlamaConfig, "mistral": MistralConfig, "qwen2": Qwen2Config}
    models = {"llama": LlamaForCausalLM, "mistral": MistralForCausalLM, "qwen2": Qwen2ForCausalLM}
    more: dict[str, Any] = {"sliding_window": None} if kind == "mistral" else {}
    sizes = bricks.text_sizes(tokenizer, **more)
    if kind == "qwen2":
        sizes["vocab_size"] += 8  # Qwen2 has rows to spare, as published
    model = models[kind](configs[kind](**sizes)).eval()
    return model, sizes | {"rms_norm_eps": model.config.rms_norm_eps, "rope_theta": 10_000.0}


def save_clip_base(bricks: Any, folder: Path) -> Any:
    """A CLIP as OpenAI's is published: `pytorch_model.bin`, older numbers for sizes; both halves."""
    from transformers import CLIPConfig, CLIPModel

    text = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 9}
    clip = CLIPModel(CLIPConfig(text_config=text, vision_config=bricks.vision_sizes(), projection_dim=8)).eval()
    folder.mkdir()
    named = {f"vision_model.{name}": tensor for name, tensor in clip.vision_model.state_dict().items()}
    named |= {"text_model.final_layer_norm.bias": torch.zeros(16), "visual_projection.weight": torch.zeros(8, 32)}
    named |= {"logit_scale": torch.tensor(1.0), "vision_model.embeddings.position_ids": torch.arange(5)[None]}
    torch.save(named, folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(clip.config.to_dict(), default=str))
    pictures = {"size": bricks.SIDE, "crop_size": bricks.SIDE, "do_center_crop": True, "feature_extractor_type": "CLIPFeatureExtractor"}
    pictures |= {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.3, 0.2, 0.1], "resample": 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(pictures))
    return clip.vision_model


def patches(tower: Any) -> Callable[[Tensor], Tensor]:
    """The last layer but one, without the class token (`mm_vision_select_layer` -2, `patch`)."""

    def see(pixels: Tensor) -> Tensor:
        made: Tensor = tower(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]
        return made

    return see


def authors_config(kind: str, sizes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What LLaVA's `config.json` says beside the language model's sizes."""
    mm = {"mm_projector_type": "mlp2x_gelu", "mm_hidden_size": 32, "mm_vision_select_layer": -2, "mm_vision_select_feature": "patch"}
    mm |= {"mm_use_im_start_end": False, "mm_use_im_patch_token": False, "image_aspect_ratio": "pad", "tune_mm_mlp_adapter": False}
    return sizes | mm | {"model_type": kind, "architectures": ["LlavaForCausalLM"], "torch_dtype": "float32"} | more


@pytest.fixture(scope="session")
def llava_original(bricks: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Original]:
    """A LLaVA around a language model, in its authors' layout. `towered`: its checkpoint holds the tower too, other than the base's."""

    def make(kind: str, *, towered: bool = False, **more: Any) -> Original:
        torch.manual_seed(11)
        folder = tmp_path_factory.mktemp("original")
        tokenizer = bricks.tokenizer_of(["<unk>", "<s>", "</s>", "<|user|>"], start="<s>", end="</s>", pad="<unk>")
        language, sizes = language_of(bricks, kind.removeprefix("llava_"), tokenizer)
        tower = save_clip_base(bricks, folder / "clip")
        project = projector(32, 32)
        source = folder / "source"
        tokenizer.save_pretrained(source)
        tensors = {name: tensor for name, tensor in language.state_dict().items()}
        tensors |= {f"model.mm_projector.{name}": tensor for name, tensor in project.state_dict().items()}
        tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(8)
        if towered:
            for parameter in tower.parameters():
                parameter.data += 0.05 * torch.randn_like(parameter)
            tensors |= {f"model.vision_tower.vision_tower.vision_model.{name}": tensor for name, tensor in tower.state_dict().items()}
        halves = [dict(list(tensors.items())[::2]), dict(list(tensors.items())[1::2])]
        for number, half in enumerate(halves, 1):
            torch.save(half, source / f"pytorch_model-0000{number}-of-00002.bin")
        (source / "config.json").write_text(json.dumps(authors_config(kind, sizes, **more)))
        return Original(source, folder / "clip", by_hand(patches(tower), project, language))

    return make


@pytest.fixture(scope="session")
def llava_rad_original(bricks: Any, tmp_path_factory: pytest.TempPathFactory) -> Original:
    """A LLaVA-Rad: Vicuna in a folder, and beside it adapter, projector and an open_clip tower of timm's names."""
    torch.manual_seed(12)
    folder = tmp_path_factory.mktemp("rad")
    tokenizer = bricks.tokenizer_of(["<unk>", "<s>", "</s>"], start="<s>", end="</s>", pad="<unk>")
    language, sizes = language_of(bricks, "llama", tokenizer)
    base, source = folder / "vicuna", folder / "source"
    tokenizer.save_pretrained(base)
    save_file({name: tensor.clone() for name, tensor in language.state_dict().items()}, base / "model.safetensors", {"format": "pt"})
    (base / "config.json").write_text(json.dumps(sizes | {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}))
    source.mkdir()
    adapt(language, source)
    tower, project = TimmVit(width=64, inner=96, layers=3, side=33, patch=16).eval(), projector(64, 32)
    trained = {f"base_model.model.model.mm_projector.{name}": tensor for name, tensor in project.state_dict().items()}
    torch.save(trained, source / "non_lora_trainables.bin")
    named = {f"visual.trunk.{name}": tensor for name, tensor in tower.state_dict().items()}
    named |= {
        "visual.head.proj.weight": torch.zeros(8, 64),
        "text.transformer.pooler.dense.bias": torch.zeros(3),
        "logit_scale": torch.ones(()),
    }
    torch.save({"epoch": 3, "state_dict": named}, source / "tiny_518_checkpoint.pt")
    vision = {"timm_model_name": "vit_base_patch16_33", "timm_pool": "", "timm_proj": "linear", "image_size": 33}
    (source / "tiny_518.json").write_text(json.dumps({"embed_dim": 8, "vision_cfg": vision, "text_cfg": {}}))
    told = authors_config(
        "llava_llama", sizes, mm_hidden_size=64, mm_vision_tower_checkpoint="tiny_518_checkpoint.pt", image_aspect_ratio="square"
    )
    (source / "config.json").write_text(json.dumps(told))
    return Original(source, base, by_hand(lambda pixels: tower(pixels)[-2][:, 1:], project, language))


def adapt(language: Any, source: Path, rank: int = 2, alpha: int = 8) -> None:
    """Add low-rank matrices to every linear layer of a language model, and write them as peft does."""
    made: dict[str, Tensor] = {}
    for name, layer in language.named_modules():
        if isinstance(layer, nn.Linear) and name != "lm_head":
            a, b = torch.randn(rank, layer.in_features) * 0.1, torch.randn(layer.out_features, rank) * 0.1
            layer.weight.data += alpha / rank * (b @ a)
            made |= {f"base_model.model.{name}.lora_A.weight": a, f"base_model.model.{name}.lora_B.weight": b}
    torch.save(made, source / "adapter_model.bin")
    how = {"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "bias": "none", "fan_in_fan_out": False, "modules_to_save": None}
    (source / "adapter_config.json").write_text(json.dumps(how))


class TimmVit(nn.Module):
    """A ViT by timm's names, written from Dosovitskiy et al. (2020); gives the rows after the embedding and after each block."""

    def __init__(self, width: int, inner: int, layers: int, side: int, patch: int) -> None:
        super().__init__()
        places = (side // patch) ** 2
        self.cls_token = nn.Parameter(torch.randn(1, 1, width))
        self.pos_embed = nn.Parameter(torch.randn(1, places + 1, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, patch, patch)})
        self.blocks = nn.ModuleList(TimmBlock(width, inner) for _ in range(layers))
        self.norm = nn.LayerNorm(width, 1e-6)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        seen = self.patch_embed["proj"](pixels).flatten(2).transpose(1, 2)
        rows = [torch.cat((self.cls_token, seen), 1) + self.pos_embed]
        for block in self.blocks:
            rows.append(block(rows[-1]))
        return rows


class TimmBlock(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, 1e-6), nn.LayerNorm(width, 1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, inner), "fc2": nn.Linear(inner, width)})

    def forward(self, rows: Tensor) -> Tensor:
        query, key, value = self.attn["qkv"](self.norm1(rows)).chunk(3, -1)
        weights = (query @ key.transpose(1, 2) / query.shape[-1] ** 0.5).softmax(-1)
        rows = rows + self.attn["proj"](weights @ value)
        made: Tensor = rows + self.mlp["fc2"](nn.functional.gelu(self.mlp["fc1"](self.norm2(rows))))
        return made
