"""Tiny random checkpoints of matchers in the layouts they were published in, made once a session."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tools.med_vlm.asked import Image
from tools.med_vlm.identity import pins
from tools.med_vlm.spec import ModelSpec

_place = Path(__file__).parents[4] / "retrieval" / "encoders" / "conftest.py"
_spec = importlib.util.spec_from_file_location("encoder_checkpoints", _place)
assert _spec is not None
assert _spec.loader is not None
_encoders = sys.modules["encoder_checkpoints"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_encoders)

Tensors = dict[str, Tensor]

WIDTH = 64
"""Of every BERT here: its heads are 64 wide, so it has one."""
REGION = 24
"""Of a region's features: what VisualBERT takes and its image tower gives."""
ANSWERS = ("yes", "no", "left", "right", "both", "2")
BACKENDS = {
    "clip": "clip",
    "siglip": "clip",
    "open_clip": "clip",
    "medclip_swin": "medclip",
    "medclip_resnet": "medclip",
    "visualbert_answers": "visualbert",
    "visualbert_pretraining": "visualbert",
    "medvill": "medvill",
    "medvill_retrieval": "medvill",
}
"""Kind of checkpoint -> the back end that opens it."""


def bert_tensors(prefix: str, positions: int = 128) -> Tensors:
    """A BERT of two layers by `BertModel`'s names, its pooler and its numbered positions with it, as in files of its time."""
    from transformers import BertConfig, BertModel

    sizes = {"hidden_size": WIDTH, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 1}
    config = BertConfig(vocab_size=_encoders.word_pieces().get_vocab_size(), max_position_embeddings=positions, **sizes)
    made = {f"{prefix}{name}": tensor.clone() for name, tensor in BertModel(config).state_dict().items()}
    return {**made, f"{prefix}embeddings.position_ids": torch.arange(positions)[None]}


def resnet_tensors(prefix: str) -> Tensors:
    """A ResNet with bottlenecks by torchvision's names: Hugging Face's, renamed."""
    from transformers import ResNetConfig, ResNetModel

    sizes = {"embedding_size": 8, "hidden_sizes": [16, 24, 32, 40], "depths": [1, 2, 1, 1]}
    model = ResNetModel(ResNetConfig(layer_type="bottleneck", **sizes))
    for name, buffer in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.copy_(torch.rand_like(buffer) + (0.5 if name.endswith("var") else -0.5))
    return {f"{prefix}{torchvision_name(name)}": tensor.clone() for name, tensor in model.state_dict().items()}


def torchvision_name(name: str) -> str:
    """Of a tensor of `ResNetModel`."""
    parts = name.split(".")
    if parts[0] == "embedder":
        return f"{'conv1' if parts[2] == 'convolution' else 'bn1'}.{parts[3]}"
    _, _, stage, _, block, part, *rest = parts
    where = f"layer{int(stage) + 1}.{block}"
    if part == "shortcut":
        return f"{where}.downsample.{0 if rest[0] == 'convolution' else 1}.{rest[1]}"
    return f"{where}.{'conv' if rest[1] == 'convolution' else 'bn'}{int(rest[0]) + 1}.{rest[2]}"


def random(*size: int) -> Tensor:
    return 0.3 * torch.randn(size)


def sharp(tensors: Tensors) -> Tensors:
    """As `sharpen` of the encoders' checkpoints, before anything of it is written twice."""
    return {name: 8 * tensor if tensor.ndim > 1 and tensor.abs().max() < 0.3 else tensor for name, tensor in tensors.items()}


def save(folder: Path, tensors: Tensors) -> None:
    """The tensors and the word pieces that go with them."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    _encoders.word_pieces().save(str(folder / "tokenizer.json"))


def save_medclip(folder: Path, vision: Tensors) -> None:
    head = {"text_model.projection_head.weight": random(20, WIDTH), "logit_scale": torch.tensor(3.0)}
    save(folder, {**vision, **bert_tensors("text_model.model."), **head})


def save_medclip_swin(folder: Path) -> None:
    from transformers import SwinConfig, SwinModel

    SwinModel(SwinConfig(embed_dim=8, depths=[1, 1, 2, 1], num_heads=[1, 2, 2, 4])).save_pretrained(folder / "swin")
    swin = load_file(folder / "swin" / "model.safetensors")
    shutil.rmtree(folder / "swin")
    index = {"encoder.layers.0.blocks.0.attention.self.relative_position_index": torch.zeros(49, 49, dtype=torch.long)}
    vision = {f"vision_model.model.{name}": tensor for name, tensor in {**swin, **index}.items()}
    save_medclip(folder, {**vision, "vision_model.projection_head.weight": random(20, 64)})


def save_medclip_resnet(folder: Path) -> None:
    save_medclip(folder, {**resnet_tensors("vision_model.model."), "vision_model.model.fc.weight": random(20, 40)})


def medvill_tensors() -> Tensors:
    """Of a pre-training checkpoint; what image and text share stands in it twice."""
    bert = sharp(bert_tensors("", 512))
    text = {name.removeprefix("embeddings."): tensor for name, tensor in bert.items() if name.startswith("embeddings.")}
    numbers = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
    resnet = {f"{numbers[name.split('.')[0]]}.{name.split('.', 1)[1]}": tensor for name, tensor in resnet_tensors("").items()}
    shared = ("position_embeddings.weight", "token_type_embeddings.weight", "LayerNorm.weight", "LayerNorm.bias")
    words = text["word_embeddings.weight"]
    return {
        **{f"enc.txt_embeddings.{name}": tensor for name, tensor in text.items()},
        **{f"enc.img_embeddings.{name}": text[name].clone() for name in shared},
        **{f"enc.img_encoder.model.{name}": tensor for name, tensor in resnet.items()},
        **{f"enc.{name}": tensor for name, tensor in bert.items() if not name.startswith("embeddings.")},
        "enc.img_embeddings.img_embeddings.weight": random(WIDTH, 40),
        "enc.img_embeddings.img_embeddings.bias": random(WIDTH),
        "mlm.predictions.bias": random(len(words)),
        "mlm.predictions.decoder.weight": words.clone(),
        "mlm.predictions.transform.dense.weight": random(WIDTH, WIDTH),
        "mlm.predictions.transform.dense.bias": random(WIDTH),
        "mlm.predictions.transform.LayerNorm.weight": 1 + random(WIDTH),
        "mlm.predictions.transform.LayerNorm.bias": random(WIDTH),
        "itm.linear.weight": random(2, WIDTH),
        "itm.linear.bias": random(2),
    }


def save_medvill(folder: Path) -> None:
    save(folder, medvill_tensors())


def save_medvill_retrieval(folder: Path) -> None:
    """Fine-tuned to match, so without words; what is shared stands in it once, and its word pieces as `vocab.txt`."""
    shared = ("enc.img_embeddings.position_", "enc.img_embeddings.token_", "enc.img_embeddings.LayerNorm", "mlm.")
    save(folder, {name: tensor for name, tensor in medvill_tensors().items() if not name.startswith(shared)})
    (folder / "tokenizer.json").unlink()
    pieces = _encoders.word_pieces().get_vocab()
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in sorted(pieces, key=lambda piece: pieces[piece])))


def visualbert_sizes() -> dict[str, Any]:
    sizes = {"hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 160}
    return {**sizes, "vocab_size": _encoders.word_pieces().get_vocab_size(), "visual_embedding_dim": REGION}


def save_visualbert_answers(folder: Path) -> None:
    from transformers import VisualBertConfig, VisualBertForQuestionAnswering

    VisualBertForQuestionAnswering(VisualBertConfig(num_labels=len(ANSWERS), **visualbert_sizes())).save_pretrained(folder)
    (folder / "answers_vqa.txt").write_text("".join(f"{answer}\n" for answer in ANSWERS))
    _encoders.word_pieces().save(str(folder / "tokenizer.json"))


def save_visualbert_pretraining(folder: Path) -> None:
    from transformers import VisualBertConfig, VisualBertForPreTraining

    VisualBertForPreTraining(VisualBertConfig(**visualbert_sizes())).save_pretrained(folder)
    _encoders.word_pieces().save(str(folder / "tokenizer.json"))


def save_vit(folder: Path) -> None:
    """An image tower whose places are as wide as VisualBERT's regions."""
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    sizes = {"hidden_size": REGION, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2}
    ViTModel(ViTConfig(image_size=112, patch_size=8, **sizes), add_pooling_layer=False).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 112, "width": 112}).save_pretrained(folder)


def save_resnet(folder: Path) -> None:
    """A convolutional image tower, 40 wide."""
    from transformers import ConvNextImageProcessorPil, ResNetConfig, ResNetModel

    sizes = {"embedding_size": 8, "hidden_sizes": [16, 24, 32, 40], "depths": [1, 1, 1, 1]}
    ResNetModel(ResNetConfig(**sizes)).save_pretrained(folder)
    ConvNextImageProcessorPil(size={"shortest_edge": 224}).save_pretrained(folder)


SAVERS: dict[str, Callable[[Path], None]] = {
    **{kind: _encoders.SAVERS[kind] for kind in ("clip", "siglip", "open_clip")},
    "medclip_swin": save_medclip_swin,
    "medclip_resnet": save_medclip_resnet,
    "medvill": save_medvill,
    "medvill_retrieval": save_medvill_retrieval,
    "visualbert_answers": save_visualbert_answers,
    "visualbert_pretraining": save_visualbert_pretraining,
    "vit": save_vit,
    "resnet": save_resnet,
}


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """As the product runs: on shared cores a second thread mostly waits."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny checkpoint by its kind. Read only: change a copy."""
    root = tmp_path_factory.mktemp("matchers")

    @cache
    def made(kind: str) -> Path:
        from transformers.utils import logging

        logging.disable_progress_bar()
        torch.manual_seed(11)
        folder = root / kind
        SAVERS[kind](folder)
        if not kind.startswith("medvill"):
            _encoders.sharpen(folder)
        return folder

    return made


@pytest.fixture
def changed(published: Callable[[str], Path], tmp_path: Path) -> Callable[..., Path]:
    """A copy of a tiny checkpoint's folder, its tensors changed by a function where one is given."""

    def copied(kind: str, change: Callable[[Tensors], object] | None = None) -> Path:
        folder = Path(shutil.copytree(published(kind), tmp_path / kind, dirs_exist_ok=True))
        if change is not None:
            tensors = load_file(folder / "model.safetensors")
            change(tensors)
            save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return folder

    return copied


@pytest.fixture(scope="session")
def spec_of(published: Callable[[str], Path]) -> Callable[..., ModelSpec]:
    """The entry of the settings for a kind of checkpoint, its files pinned; `folder`: a changed copy of it; `more`: other fields."""

    def made(kind: str, folder: Path | None = None, **more: Any) -> ModelSpec:
        source = folder or published(kind)
        fields = {"base": str(published("vit")) if kind.startswith("visualbert") else None, "device": "cpu", **more}
        files = pins(source, Path(fields["base"]) if fields["base"] else None)
        return ModelSpec(**{"name": "tiny", "backend": BACKENDS[kind], "source": str(source), "licence": "MIT", "files": files, **fields})

    return made


@pytest.fixture(scope="session")
def image() -> Image:
    """A smooth grey image of a chest radiograph's range, wider than high."""
    across, down = np.meshgrid(np.linspace(0, 1, 90), np.linspace(0, 1, 70))
    pixels = (0.5 + 0.5 * np.sin(9 * across) * np.cos(7 * down)).astype(np.float32)
    return Image(pixels, view="PA", modality="DX", body_part="chest")
