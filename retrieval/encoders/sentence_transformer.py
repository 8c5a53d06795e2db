"""Folders that sentence-transformers reads: CLIP, SigLIP, SigLIP 2, MedSigLIP for images and texts; any text model for texts.

A folder with `modules.json` is run as it says, with its pooling and its prompt; a plain Hugging Face folder by its own projections.
Reports are compared with reports, so both sides of a search are documents and take the folder's prompt for documents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from retrieval.encoders.folder import ModelFolder, find_model
from retrieval.encoders.hugging_face import check_weights, quiet, refused_as_damaged
from retrieval.encoders.pair import Pair
from retrieval.encoders.tower import PROBE_TEXTS, TextTower, build_tower, probe_pictures
from retrieval.errors import EncoderDamaged

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor, nn

_VERSION = "sentence-transformers 1"
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")
_FULL_LENGTH = frozenset({"siglip", "siglip2"})
"""Model types that were trained on texts padded to the full length and read the last place: shorter padding gives other vectors."""


def open_image_text(name: str, *, many: bool = False) -> Pair:
    """The encoder of a folder or hub name that embeds images and texts into one space. `many`: see `forms.choose`.

    Raises:
        EncoderUnknown, EncoderMissing: see `folder.find_model`.
        EncoderDamaged: it is no whole model of both images and texts, or asks to run code of its own.
    """
    folder = find_model(name)
    model = _load(folder)
    if not {"image", "text"} <= set(model.modalities):
        raise EncoderDamaged("the model does not embed both images and texts")
    mark = folder.fingerprint(_VERSION)
    pictures = _Side(model, probe_pictures(), "", {})
    image_tower = build_tower(pictures.network, pictures.prepare, probe_pictures(), mark, many=many)
    return Pair(image_tower, _text_tower(model, mark, many), one_space=True, name=folder.name, licence=folder.licence)


def open_texts(name: str, *, many: bool = False) -> TextTower:
    """The text tower of a folder or hub name. Raises as `open_image_text` does."""
    folder = find_model(name)
    model = _load(folder)
    if "text" not in model.modalities:
        raise EncoderDamaged("the model does not embed texts")
    return _text_tower(model, folder.fingerprint(_VERSION), many)


def document_prompt(prompts: Mapping[str, str | None], default: str | None) -> str:
    """What stands before a report: the folder's prompt for documents, else its default prompt, else nothing."""
    named = [prompts.get(name) for name in (*_DOCUMENT_PROMPTS, default or "")]
    return next((prompt for prompt in named if prompt), "")


def _text_tower(model: SentenceTransformer, mark: str, many: bool) -> TextTower:
    side = _Side(model, PROBE_TEXTS, document_prompt(model.prompts, model.default_prompt_name), _processing(model))
    return build_tower(side.network, side.prepare, PROBE_TEXTS, mark, many=many)


def _processing(model: SentenceTransformer) -> dict[str, Any]:
    config = getattr(model[0], "config", None)
    if getattr(config, "model_type", "") not in _FULL_LENGTH:
        return {}
    longest = int(config.text_config.max_position_embeddings)  # type: ignore[union-attr]
    return {"processing_kwargs": {"text": {"padding": "max_length", "max_length": longest, "truncation": True}}}


class _Side:
    """One modality of a model as a network over a fixed list of tensors."""

    def __init__(self, model: SentenceTransformer, probe: Sequence[Any], prompt: str, processing: dict[str, Any]) -> None:
        self._read: Callable[..., dict[str, Any]] = lambda batch: model.preprocess(list(batch), prompt=prompt or None, **processing)
        features = self._read(probe)
        self._names = sorted(name for name, value in features.items() if hasattr(value, "ndim"))
        fixed = {name: value for name, value in features.items() if name not in self._names}
        self.network = _network(model, self._names, fixed)

    def prepare(self, batch: Sequence[Any]) -> tuple[Tensor, ...]:
        """The tensors of a batch, always in the same order."""
        features = self._read(batch)
        return tuple(features[name] for name in self._names)


def _network(model: SentenceTransformer, names: Sequence[str], fixed: Mapping[str, Any]) -> nn.Module:
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tensors: Tensor) -> Tensor:
            made: Tensor = self.model({**dict(zip(names, tensors, strict=True)), **fixed})["sentence_embedding"]
            return made

    return Network()


def _load(folder: ModelFolder) -> SentenceTransformer:
    for config in sorted(folder.path.rglob("config.json")):
        check_weights(config.parent)
    import torch

    quiet()
    with refused_as_damaged():
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(
            str(folder.path), device="cpu", local_files_only=True, trust_remote_code=False, model_kwargs={"dtype": torch.float32}
        )
