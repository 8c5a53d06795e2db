"""BiomedCLIP's layout: `open_clip_config.json` with a timm ViT and a BERT, and one file of weights. Needs neither open_clip nor timm.

Covered: vision `vit_*_patchN_N` with a linear projection; text a BERT read at its first token with an `mlp` or `linear` projection.
Not covered, and refused: open_clip's own ViT and text transformer, other timm networks. A CLIP in Hugging Face's layout is read by
`sentence_transformer`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from retrieval.encoders.folder import ModelFolder, find_model
from retrieval.encoders.minilm import token_reader
from retrieval.encoders.pair import Pair
from retrieval.encoders.tower import PROBE_TEXTS, build_tower, probe_pictures
from retrieval.errors import EncoderDamaged, EncoderMissing

if TYPE_CHECKING:
    from torch import Tensor, nn

CONFIG, TORCH = "open_clip_config.json", "open_clip_pytorch_model.bin"
SAFETENSORS = ("open_clip_model.safetensors", "model.safetensors")
"""As it is published, and as `sidenote model convert` writes it."""
IGNORED = ("logit_scale", "logit_bias")
"""Of the training's loss; no vector depends on them."""
_VERSION = "open_clip 1"
_VIT = re.compile(r"vit_(tiny|small|base|large)_patch\d+_\d+(\.\w+)?")
_HEAD_WIDTH = 64
"""Of every BERT of the base and large sizes; the weights do not tell it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What `open_clip_config.json` says, as far as vectors depend on it."""

    side: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    context: int
    projection: str


def open_open_clip(name: str, *, many: bool = False) -> Pair:
    """The encoder of a folder or hub name in this layout, images and texts in one space. `many`: see `forms.choose`.

    Raises:
        EncoderUnknown, EncoderMissing: see `folder.find_model`; or a file of the layout is not there.
        EncoderDamaged: another architecture, weights missing or left over, or a weights file that holds code.
    """
    folder = find_model(name)
    settings = read_settings(folder.json(CONFIG))
    tensors = _weights(folder)
    image, text = (_under(tensors, side) for side in ("visual.", "text."))
    left = sorted(each for each in tensors if not each.startswith(("visual.", "text.")) and each not in IGNORED)
    if left:
        raise EncoderDamaged(f"{len(left)} tensors belong to neither tower")
    mark = folder.fingerprint(_VERSION)
    words = token_reader(folder.file("tokenizer.json"), settings.context)
    image_tower = build_tower(_vision(image), pixel_reader(settings), probe_pictures(), mark, many=many)
    text_tower = build_tower(_text(text, settings.projection), words, PROBE_TEXTS, mark, many=many)
    if image_tower.dimension != text_tower.dimension:
        raise EncoderDamaged("both towers give vectors of different lengths")
    return Pair(image_tower, text_tower, one_space=True, name=folder.name, licence=folder.licence)


def read_settings(config: Mapping[str, Any]) -> Settings:
    """The settings, if this module covers the architecture they name.

    Raises:
        EncoderDamaged: it does not, or a setting is missing.
    """
    try:
        model, preprocess = config["model_cfg"], config["preprocess_cfg"]
        vision, text = model["vision_cfg"], model["text_cfg"]
        side = vision["image_size"]
        projection = text.get("hf_proj_type", text.get("proj", "mlp"))
        pooler = text.get("hf_pooler_type", text.get("pooler_type", ""))
        bert = str(text["hf_model_name"]).lower()
        covered = (
            _VIT.fullmatch(str(vision["timm_model_name"])) is not None
            and vision.get("timm_pool", "") in ("", "token")
            and vision.get("timm_proj", "linear") == "linear"
            and "bert" in bert
            and not re.search("roberta|deberta|distilbert|albert|modernbert", bert)
            and projection in ("mlp", "linear")
            and pooler == "cls_last_hidden_state_pooler"
        )
        mean, deviation = (tuple(float(value) for value in preprocess[name]) for name in ("mean", "std"))
        made = Settings(int(side), mean, deviation, int(text.get("context_length", 77)), projection)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EncoderDamaged("a setting is missing or of another kind", where=CONFIG) from error
    if not covered:
        raise EncoderDamaged("an architecture that is not covered: a timm ViT beside a BERT is", where=CONFIG)
    return made


def _weights(folder: ModelFolder) -> dict[str, Tensor]:
    found = next(filter(folder.has, SAFETENSORS), None)
    if found is not None:
        return folder.tensors(found)
    if not folder.has(TORCH):
        raise EncoderMissing("the encoder has no weights", where=f"{SAFETENSORS[0]} or {TORCH}")
    return _torch_weights(folder)


def _torch_weights(folder: ModelFolder) -> dict[str, Tensor]:
    import torch

    try:
        made = torch.load(folder.file(TORCH), map_location="cpu", weights_only=True)
    except Exception as error:  # a hostile file chooses what its reading raises; whatever that is, nothing of it ran
        raise EncoderDamaged("the file holds more than tensors, or is cut short", where=TORCH) from error
    if not isinstance(made, dict) or not all(isinstance(each, torch.Tensor) for each in made.values()):
        raise EncoderDamaged("the file holds more than tensors", where=TORCH)
    return dict(made)


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _vision(tensors: dict[str, Tensor]) -> nn.Module:
    from torch import nn

    from retrieval.encoders.vit import load_vit

    head = tensors.pop("head.proj.weight", None)
    if head is None:
        raise EncoderDamaged("the image model's projection is missing")
    trunk = load_vit(_only(tensors, "trunk."))
    return nn.Sequential(trunk, _linear(head))


def _text(tensors: dict[str, Tensor], projection: str) -> nn.Module:
    from torch import nn

    from retrieval.encoders.bert import load_bert

    names = ("proj.0.weight", "proj.2.weight") if projection == "mlp" else ("proj.weight",)
    heads = [tensors.pop(name, None) for name in names]
    if any(head is None for head in heads):
        raise EncoderDamaged("the text model's projection is missing")
    layers = [_linear(head) for head in heads if head is not None]
    bert = _only(tensors, "transformer.")
    width = bert["embeddings.word_embeddings.weight"].shape[1] if "embeddings.word_embeddings.weight" in bert else 0
    model = load_bert(bert, width // _HEAD_WIDTH, "first")

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = model
            self.proj = nn.Sequential(layers[0], nn.GELU(), layers[1]) if projection == "mlp" else layers[0]

        def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
            made: Tensor = self.proj(self.bert(tokens, mask))
            return made

    return Network()


def _only(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Tensors without their prefix, which all of them must have."""
    if not all(name.startswith(prefix) for name in tensors):
        raise EncoderDamaged("tensors are left over that no layer takes")
    return _under(tensors, prefix)


def _linear(weight: Tensor) -> nn.Linear:
    from torch import nn

    if weight.ndim != 2:
        raise EncoderDamaged("a projection is no matrix")
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    made.weight = nn.Parameter(weight.float(), requires_grad=False)
    return made


def pixel_reader(settings: Settings) -> Callable[[Sequence[Image.Image]], tuple[Tensor, ...]]:
    """Shorter side to `side` by bicubic interpolation, the middle square, scaled: open_clip's transform for inference."""
    import torch

    mean, deviation = (np.array(values, dtype=np.float32) for values in (settings.mean, settings.deviation))

    def prepare(pictures: Sequence[Image.Image]) -> tuple[Tensor, ...]:
        squares = np.stack([np.asarray(_square(each, settings.side), dtype=np.float32) / 255 for each in pictures])
        return (torch.from_numpy(((squares - mean) / deviation).transpose(0, 3, 1, 2).copy()),)

    return prepare


def _square(picture: Image.Image, side: int) -> Image.Image:
    """The middle `side` x `side` of a picture whose shorter side was brought to `side`."""
    width, height = picture.size
    scale = side / min(width, height)
    sized = picture.resize((max(side, int(width * scale)), max(side, int(height * scale))), Image.Resampling.BICUBIC)
    left, top = round((sized.width - side) / 2), round((sized.height - side) / 2)
    return sized.crop((left, top, left + side, top + side))
