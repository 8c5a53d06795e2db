"""Image models without words (DINOv2, RAD-DINO, any ViT of `AutoModel`) beside a text model: two spaces in one index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from retrieval.encoders.folder import ModelFolder, find_model
from retrieval.encoders.hugging_face import load_model, refused_as_damaged
from retrieval.encoders.pair import Pair
from retrieval.encoders.tower import TextTower, build_tower, probe_pictures

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor, nn

_VERSION = "image only 1"


def open_images(name: str, text_tower: TextTower, *, many: bool = False) -> Pair:
    """The image model of a folder or hub name beside `text_tower`. `many`: see `forms.choose`.

    An image's vector is what the model's own pooler gives, which for DINOv2 is its normed class token; where a model has no
    trained pooler, the class token of its last layer.

    Raises:
        EncoderUnknown, EncoderMissing: see `folder.find_model`.
        EncoderDamaged: its weights are not whole, it has no image processor, or it asks to run code of its own.
    """
    folder = find_model(name)
    folder.file("preprocessor_config.json")
    model, missing = load_model(folder.path)
    tower = build_tower(_network(model, pooled=not missing), _reader(folder), probe_pictures(), folder.fingerprint(_VERSION), many=many)
    return Pair(tower, text_tower, one_space=False, name=folder.name, licence=folder.licence)


def _reader(folder: ModelFolder) -> Callable[[Sequence[Image.Image]], tuple[Tensor, ...]]:
    with refused_as_damaged():
        from transformers import AutoImageProcessor

        processor = AutoImageProcessor.from_pretrained(str(folder.path), local_files_only=True, trust_remote_code=False)
    return lambda pictures: (processor(images=list(pictures), return_tensors="pt")["pixel_values"],)


def _network(model: Any, *, pooled: bool) -> nn.Module:
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixels: Tensor) -> Tensor:
            out = self.model(pixel_values=pixels)
            whole = getattr(out, "pooler_output", None) if pooled else None
            made: Tensor = out.last_hidden_state[:, 0] if whole is None else whole.flatten(1)
            return made

    return Network()
