"""Tiny checkpoints of composed models in the layouts they are published in, made by name and shape and not by the code under test."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tools.med_vlm.catalogue import open_model
from tools.med_vlm.identity import pins
from tools.med_vlm.spec import ModelSpec

SPECIALS = ["<unk>", "<s>", "</s>", "<pad>"]
RADFM_WIDTH, RADFM_INNER, RADFM_LATENTS, LANGUAGE_WIDTH = 24, 128, 4, 32
MAIRA_TURNS = (
    "An expert reads.  USER: {% for part in messages[0]['content'] %}{% if part['type'] == 'image' %} <image>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %} ASSISTANT: "
)


def drawn(generator: torch.Generator, *shape: int, scale: float = 0.4) -> Tensor:
    return torch.randn(*shape, generator=generator) * scale


@pytest.fixture(scope="session")
def tokenizer_of(tiny: Callable[..., Path]) -> Callable[..., Any]:
    """Tokenizers of the shared tiny checkpoints' kind: byte-level, 400 pieces after the special ones."""
    tiny("blip2")  # loads the module
    return lambda specials: sys.modules["tiny_checkpoints"].tokenizer_of(specials, start="<s>", end="</s>", pad="<pad>")


@pytest.fixture(scope="session")
def llama_folder(tokenizer_of: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A Llama and its tokenizer, as transformers saves them."""

    def make(folder: Path | None = None, specials: list[str] = SPECIALS, seed: int = 3, **more: Any) -> Path:
        from transformers import LlamaConfig, LlamaForCausalLM

        folder = folder or tmp_path_factory.mktemp("llama")
        tokenizer = tokenizer_of(specials)
        sizes = {"hidden_size": LANGUAGE_WIDTH, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            config = LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=512, initializer_range=0.2, **sizes, **more)
            LlamaForCausalLM(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def minigpt4_spec(
    tiny: Callable[..., Path], llama_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., ModelSpec]:
    """MiniGPT-4 with Vicuna (`llama_proj` takes the Q-Former's 32 numbers) or with Llama-2 (it takes 4 patches of 32)."""

    def make(variant: str, **more: Any) -> ModelSpec:
        folder = tmp_path_factory.mktemp(variant)
        source, base = folder / "source", folder / "base"
        source.mkdir()
        generator = torch.Generator().manual_seed(5)
        taken = {"vicuna": 32, "llama2": 4 * 32}[variant]
        projection = {"llama_proj.weight": drawn(generator, LANGUAGE_WIDTH, taken), "llama_proj.bias": drawn(generator, LANGUAGE_WIDTH)}
        save_file(projection, source / "model.safetensors")
        tiny("blip2", base / "vision")
        stretch(base / "vision" / "model.safetensors", "vision_model.", 12)
        llama_folder(base / "language")
        return spec_of("minigpt4", source, base, **more)

    return make


def stretch(path: Path, prefix: str, factor: float) -> None:
    """Larger weights, so that a tiny tower of random ones does not tell every picture the same."""
    tensors = load_file(path)
    save_file({name: each * factor if name.startswith(prefix) and each.ndim > 1 else each for name, each in tensors.items()}, path)


def spec_of(backend: str, source: Path, base: Path | None = None, **more: Any) -> ModelSpec:
    """An entry of the settings with every file pinned."""
    files = pins(source, base)
    named = {"name": f"tiny-{backend}", "backend": backend, "source": str(source), "files": files, "device": "cpu", "licence": "MIT"}
    return ModelSpec.model_validate(named | {"base": str(base) if base else None} | more)


def radfm_tensors(language: dict[str, Tensor], patch_numbers: int = 3 * 32 * 32 * 4) -> dict[str, Tensor]:
    """The published checkpoint's names, its twelve and six layers made two and two, with parts that reading does without."""
    generator = torch.Generator().manual_seed(11)
    width, inner = RADFM_WIDTH, RADFM_INNER
    eyes, mind = "embedding_layer.vision_encoder.", "embedding_layer.perceiver."
    shapes: dict[str, tuple[int, ...]] = {
        f"{eyes}to_patch_embedding.1.weight": (patch_numbers,),
        f"{eyes}to_patch_embedding.1.bias": (patch_numbers,),
        f"{eyes}to_patch_embedding.2.weight": (width, patch_numbers),
        f"{eyes}to_patch_embedding.2.bias": (width,),
        f"{eyes}to_patch_embedding.3.weight": (width,),
        f"{eyes}to_patch_embedding.3.bias": (width,),
        f"{eyes}pos_embedding.row_embed.weight": (16, width // 3),
        f"{eyes}pos_embedding.col_embed.weight": (16, width // 3),
        f"{eyes}pos_embedding.dep_embed.weight": (128, width // 3),
        f"{mind}latents": (RADFM_LATENTS, width),
        f"{mind}norm.weight": (width,),
        f"{mind}norm.bias": (width,),
        "embedding_layer.fc.weight": (LANGUAGE_WIDTH, width),
        "embedding_layer.fc.bias": (LANGUAGE_WIDTH,),
        "embedding_layer.figure_token_weight": (2, LANGUAGE_WIDTH),
        "embedding_layer.bert_model.encoder.layer.0.output.dense.weight": (3, 3),
        "embedding_layer.bert_projection_fc.weight": (3, 3),
        "embedding_layer.transformer_decoder.layers.0.linear1.weight": (3, 3),
        "embedding_layer.transformer_decoder_mlp.0.weight": (3, 3),
        "embedding_layer.output_upscaling.0.weight": (3, 3),
        "embedding_layer.cls_head.weight": (1, 3),
        "lang_model.model.layers.0.self_attn.rotary_emb.inv_freq": (8,),
    }
    for layer in range(2):
        one, two = f"{eyes}transformer.layers.{layer}.0.", f"{eyes}transformer.layers.{layer}.1."
        shapes |= {f"{one}norm.weight": (width,), f"{one}norm.bias": (width,), f"{one}fn.to_qkv.weight": (3 * inner, width)}
        shapes |= {f"{one}fn.to_out.0.weight": (width, inner), f"{one}fn.to_out.0.bias": (width,), f"{two}norm.weight": (width,)}
        shapes |= {f"{two}norm.bias": (width,), f"{two}fn.net.0.weight": (40, width), f"{two}fn.net.0.bias": (40,)}
        shapes |= {f"{two}fn.net.3.weight": (width, 40), f"{two}fn.net.3.bias": (width,)}
        one, two = f"{mind}layers.{layer}.0.", f"{mind}layers.{layer}.1."
        shapes |= {f"{one}{norm}.{part}": (width,) for norm in ("norm_media", "norm_latents") for part in ("weight", "bias")}
        shapes |= {f"{one}to_q.weight": (inner, width), f"{one}to_kv.weight": (2 * inner, width), f"{one}to_out.weight": (width, inner)}
        shapes |= {f"{two}0.weight": (width,), f"{two}0.bias": (width,), f"{two}1.weight": (96, width), f"{two}3.weight": (width, 96)}
    made = {name: drawn(generator, *shape) for name, shape in shapes.items()}
    made |= {f"lang_model.{name}": tensor for name, tensor in language.items()}
    return made | {"embedding_layer.weight": language["model.embed_tokens.weight"].clone()}


@pytest.fixture(scope="session")
def radfm_spec(llama_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ModelSpec]:
    """RadFM: one checkpoint with everything in it, and `Language_files` beside it, which hold no weights."""

    def make(change: Callable[[dict[str, Tensor]], object] = lambda _: None, **more: Any) -> ModelSpec:
        folder = tmp_path_factory.mktemp("radfm")
        source, base = folder / "source", folder / "Language_files"
        source.mkdir()
        llama_folder(base)
        tensors = radfm_tensors(load_file(base / "model.safetensors"))
        (base / "model.safetensors").unlink()
        change(tensors)
        save_file(tensors, source / "model.safetensors")
        return spec_of("radfm", source, base, **more)

    return make


@pytest.fixture(scope="session")
def maira2_spec(llama_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ModelSpec]:
    """MAIRA-2: shards named as published, settings that ask for code of its own, and that code, which must not be run."""

    def make(change: Callable[[dict[str, Any], dict[str, Tensor]], object] = lambda *_: None, **more: Any) -> ModelSpec:
        from transformers import BitImageProcessorPil, Dinov2Backbone, Dinov2Config

        folder = tmp_path_factory.mktemp("maira2")
        coordinates = [f"<{axis}{number}>" for axis in "xy" for number in range(3)]
        llama_folder(folder, [*SPECIALS, "<image>", "<obj>", "</obj>", "<box>", "</box>", *coordinates])
        text = json.loads((folder / "config.json").read_text())
        language = load_file(folder / "model.safetensors")
        sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_ratio": 2, "image_size": 28, "patch_size": 14}
        vision = {**sizes, "out_features": ["stage2"], "apply_layernorm": True, "reshape_hidden_states": False}
        with torch.random.fork_rng():
            torch.manual_seed(13)
            Dinov2Backbone(Dinov2Config(**vision, initializer_range=0.3)).save_pretrained(folder / "tower")
        tower = load_file(folder / "tower" / "model.safetensors")
        for each in ("model.safetensors", "config.json", "generation_config.json", "tower/model.safetensors", "tower/config.json"):
            (folder / each).unlink()
        (folder / "tower").rmdir()
        generator = torch.Generator().manual_seed(17)
        tensors = {f"language_model.{name}": tensor for name, tensor in language.items()}
        tensors |= {f"vision_tower.{name}": tensor for name, tensor in tower.items()}
        for layer in range(4):
            name = f"multi_modal_projector.layers.{2 * layer}"
            tensors[f"{name}.weight"] = drawn(generator, LANGUAGE_WIDTH, 24 if layer == 0 else LANGUAGE_WIDTH)
            tensors[f"{name}.bias"] = drawn(generator, LANGUAGE_WIDTH)
        said = {
            "architectures": ["Maira2ForConditionalGeneration"],
            "auto_map": {"AutoModelForCausalLM": "modeling_maira2.Maira2ForConditionalGeneration"},
            "model_type": "maira2",
            "image_token_index": 4,
            "projector_hidden_act": "gelu",
            "projector_n_layers": 4,
            "vision_feature_layer": -1,
            "vision_feature_select_strategy": "default",
            "text_config": {**text, "rope_scaling": {"factor": 1.5, "type": "linear"}},
            "vision_config": {**vision, "model_type": "dinov2"},
        }
        change(said, tensors)
        said["text_config"].pop("rope_parameters", None)
        names = sorted(tensors)
        for shard, part in enumerate((names[::2], names[1::2]), 1):
            save_file({name: tensors[name] for name in part}, folder / f"model-0000{shard}-of-00002.safetensors")
        (folder / "config.json").write_text(json.dumps(said))
        (folder / "modeling_maira2.py").write_text("raise SystemExit('code of the model was run')\n")
        (folder / "chat_template.jinja").write_text(MAIRA_TURNS)
        BitImageProcessorPil(
            size={"shortest_edge": 28},
            crop_size={"height": 28, "width": 28},
            image_mean=[0.5307] * 3,
            image_std=[0.2583] * 3,
        ).save_pretrained(folder)
        return spec_of("maira-2", folder, **{"licence": "msrla", "accept_noncommercial": True, "format": "maira-2"} | more)

    return make


@pytest.fixture(scope="session")
def spec_of_model(
    minigpt4_spec: Callable[..., ModelSpec], radfm_spec: Callable[..., ModelSpec], maira2_spec: Callable[..., ModelSpec]
) -> Callable[[str], ModelSpec]:
    """The settings of each composed model, its files written once."""
    makers: dict[str, Callable[[], ModelSpec]] = {
        "minigpt4-vicuna": lambda: minigpt4_spec("vicuna"),
        "minigpt4-llama2": lambda: minigpt4_spec("llama2"),
        "radfm": radfm_spec,
        "maira-2": maira2_spec,
    }
    return cache(lambda name: makers[name]())


@pytest.fixture(scope="session")
def opened(spec_of_model: Callable[[str], ModelSpec]) -> Callable[[str], Any]:
    """Each composed model, opened once by way of the catalogue."""
    return cache(lambda name: open_model(spec_of_model(name)))
