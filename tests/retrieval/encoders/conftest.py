"""Tiny random checkpoints in the layouts that models are published in, made once a session."""

from __future__ import annotations

import json
import re
import shutil
import string
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

TEXTS = (
    "Large left pleural effusion. The heart is enlarged.",
    "A moderate pleural effusion on the left.",
    "No focal consolidation. Heart size is normal. No pleural effusion or pneumothorax.",
)
SIDE = 32
ENDS = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
"""As `word_pieces` numbers them."""
README = "---\nlicense: {licence}\ntags:\n- test\n---\n# A model\n"


def word_pieces(start: str = "[CLS]", end: str = "[SEP]", pad: str = "[PAD]", *, both: bool = True) -> Tokenizer:
    """A WordPiece tokenizer of a few words and all letters; `both`: BERT's frame, else an end alone."""
    words = sorted(set(re.findall(r"[a-z]+", " ".join(TEXTS).lower())))
    letters = [form for letter in string.ascii_lowercase for form in (letter, f"##{letter}")]
    pieces = dict.fromkeys([pad, "[UNK]", start, end, "[MASK]", ".", ",", *words, *letters])
    made = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    numbers = [(one, made.token_to_id(one)) for one in (start, end)]
    made.post_processor = processors.TemplateProcessing(single=f"{start} $A {end}" if both else f"$A {end}", special_tokens=numbers)
    return made


def fast_tokenizer(raw: Tokenizer, longest: int, start: str, end: str, pad: str, inputs: Sequence[str] = ()) -> Any:
    from transformers import PreTrainedTokenizerFast

    names = {"cls": start, "sep": end, "bos": start, "eos": end, "pad": pad, "unk": "[UNK]", "mask": "[MASK]"}
    tokens = {f"{name}_token": token for name, token in names.items()}
    made = PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=longest, **tokens)
    if inputs:
        made.model_input_names = list(inputs)
    return made


def small(width: int, inner: int, **more: int) -> dict[str, int]:
    """Sizes of a tower of two layers and two heads."""
    return {"hidden_size": width, "intermediate_size": inner, "num_hidden_layers": 2, "num_attention_heads": 2, **more}


def save_clip(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor

    raw = word_pieces("<s>", "</s>", "<pad>")
    text = small(32, 48, vocab_size=raw.get_vocab_size(), max_position_embeddings=24, **ENDS)
    vision = small(48, 64, image_size=SIDE, patch_size=8)
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=40)).save_pretrained(folder)
    sizes = {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}}
    CLIPProcessor(CLIPImageProcessorPil(**sizes), fast_tokenizer(raw, 24, "<s>", "</s>", "<pad>")).save_pretrained(folder)


def save_siglip(folder: Path) -> None:
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel, SiglipProcessor

    raw = word_pieces("<s>", "</s>", "<pad>", both=False)
    text = small(32, 48, vocab_size=raw.get_vocab_size(), max_position_embeddings=20, projection_size=32, **ENDS)
    vision = small(32, 48, image_size=SIDE, patch_size=8)
    SiglipModel(SiglipConfig(text_config=text, vision_config=vision)).save_pretrained(folder)
    tokenizer = fast_tokenizer(raw, 20, "<s>", "</s>", "<pad>", ["input_ids"])
    SiglipProcessor(SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE}), tokenizer).save_pretrained(folder)


def save_siglip2(folder: Path) -> None:
    from transformers import Siglip2Config, Siglip2ImageProcessorPil, Siglip2Model, Siglip2Processor

    raw = word_pieces("<s>", "</s>", "<pad>", both=False)
    text = small(32, 48, vocab_size=raw.get_vocab_size(), max_position_embeddings=64, projection_size=32, **ENDS)
    vision = small(32, 48, num_patches=256, patch_size=16)
    Siglip2Model(Siglip2Config(text_config=text, vision_config=vision)).save_pretrained(folder)
    tokenizer = fast_tokenizer(raw, 64, "<s>", "</s>", "<pad>", ["input_ids"])
    Siglip2Processor(Siglip2ImageProcessorPil(), tokenizer).save_pretrained(folder)


def save_dinov2(folder: Path) -> None:
    from transformers import BitImageProcessorPil, Dinov2Config, Dinov2Model

    shape = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 28, "patch_size": 14, "mlp_ratio": 2}
    Dinov2Model(Dinov2Config(**shape)).save_pretrained(folder)
    BitImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}).save_pretrained(folder)


def save_prompted(folder: Path) -> None:
    """A CLIP as sentence-transformers saves it, with prompts."""
    from sentence_transformers import SentenceTransformer

    save_clip(folder / "plain")
    prompts = {"query": "the heart ", "document": "no effusion "}
    model = SentenceTransformer(str(folder / "plain"), device="cpu", local_files_only=True, prompts=prompts)
    model.save(str(folder), create_model_card=False)
    shutil.rmtree(folder / "plain")


def save_text_model(folder: Path) -> None:
    """A BERT with mean pooling as sentence-transformers saves it."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel

    raw = word_pieces()
    shape = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 64}
    BertModel(BertConfig(vocab_size=raw.get_vocab_size(), **shape)).save_pretrained(folder / "plain")
    fast_tokenizer(raw, 64, "[CLS]", "[SEP]", "[PAD]").save_pretrained(folder / "plain")
    first = Transformer(str(folder / "plain"))
    SentenceTransformer(modules=[first, Pooling(24, "mean")], device="cpu").save(str(folder), create_model_card=False)
    shutil.rmtree(folder / "plain")


def open_clip_tensors(raw: Tokenizer) -> dict[str, torch.Tensor]:
    """The tensors of a tiny BiomedCLIP by open_clip's names, as timm and `BertModel` give them."""
    from transformers import BertConfig, BertModel

    shape = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 1, "max_position_embeddings": 32}
    bert = BertModel(BertConfig(vocab_size=raw.get_vocab_size(), **shape), add_pooling_layer=False).state_dict()
    width, inner, random = 128, 160, torch.Generator().manual_seed(3)
    sizes: dict[str, tuple[int, ...]] = {"cls_token": (1, 1, width), "pos_embed": (1, 17, width), "patch_embed.proj.bias": (width,)}
    sizes |= {"patch_embed.proj.weight": (width, 3, 8, 8), "norm.weight": (width,), "norm.bias": (width,)}
    layers = {"attn.qkv": (3 * width, width), "attn.proj": (width, width), "mlp.fc1": (inner, width), "mlp.fc2": (width, inner)}
    for block in ("blocks.0", "blocks.1"):
        sizes |= {f"{block}.{name}.weight": size for name, size in layers.items()}
        sizes |= {f"{block}.{name}.bias": size[:1] for name, size in layers.items()}
        sizes |= {f"{block}.norm{n}.{end}": (width,) for n in (1, 2) for end in ("weight", "bias")}
    trunk = {name: 0.1 * torch.randn(size, generator=random) + ("norm" in name and name.endswith("weight")) for name, size in sizes.items()}
    heads = {"visual.head.proj.weight": (32, width), "text.proj.0.weight": (48, 64), "text.proj.2.weight": (32, 48)}
    return {
        **{f"visual.trunk.{name}": tensor for name, tensor in trunk.items()},
        **{f"text.transformer.{name}": tensor.clone() for name, tensor in bert.items()},
        **{name: 0.1 * torch.randn(size, generator=random) for name, size in heads.items()},
        "logit_scale": torch.tensor(4.6),
    }


def save_open_clip(folder: Path) -> None:
    raw = word_pieces()
    vision = {"timm_model_name": "vit_base_patch16_224", "timm_pool": "", "timm_proj": "linear", "image_size": SIDE}
    text = {"hf_model_name": "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract", "hf_proj_type": "mlp", "context_length": 24}
    text["hf_pooler_type"] = "cls_last_hidden_state_pooler"
    scale = {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]}
    config = {"model_cfg": {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text}, "preprocess_cfg": scale}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    raw.save(str(folder / "tokenizer.json"))
    save_file(open_clip_tensors(raw), folder / "open_clip_model.safetensors")


SAVERS: dict[str, Callable[[Path], None]] = {
    "clip": save_clip,
    "siglip": save_siglip,
    "siglip2": save_siglip2,
    "dinov2": save_dinov2,
    "prompted": save_prompted,
    "text": save_text_model,
    "open_clip": save_open_clip,
}


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """As the product runs: on shared cores a second thread mostly waits."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny model by its kind. Read only: change a copy."""
    root = tmp_path_factory.mktemp("models")

    @cache
    def made(kind: str) -> Path:
        from transformers.utils import logging

        logging.disable_progress_bar()
        torch.manual_seed(7)
        folder = root / kind
        SAVERS[kind](folder)
        sharpen(folder)
        (folder / "README.md").write_text(README.format(licence="mit"))
        return folder

    return made


def sharpen(folder: Path) -> None:
    """Random weights as drawn are so small that every input gives one vector: make the tables larger, so that inputs differ."""
    for path in folder.rglob("*.safetensors"):
        tensors = load_file(path)
        for name, tensor in tensors.items():
            if tensor.ndim > 1 and tensor.abs().max() < 0.3:
                tensors[name] = tensor * (12 if "embed" in name else 4)
        save_file(tensors, path, metadata={"format": "pt"})


@pytest.fixture
def changed(published: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a tiny model's folder, to change."""

    def copied(kind: str) -> Path:
        return Path(shutil.copytree(published(kind), tmp_path / kind, dirs_exist_ok=True))

    return copied


@pytest.fixture(scope="session")
def images() -> list[np.ndarray]:
    """Three images of different sizes, in 0..1."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)
    return [np.outer(ramp, ramp), np.outer(ramp[::-1], ramp)[:200], np.random.default_rng(0).random((128, 128), dtype=np.float32)]


@pytest.fixture(scope="session")
def reports() -> tuple[str, ...]:
    return TEXTS
