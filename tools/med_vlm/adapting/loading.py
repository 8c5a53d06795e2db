"""A published model from its folder, to be adapted: safetensors alone, no code of its own, whole."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from retrieval.encoders.folder import ModelFolder
from retrieval.encoders.hugging_face import quiet, refused_as_damaged
from retrieval.errors import EncoderDamaged, EncoderUnusable
from tools.med_vlm.errors import TrainingBaseRefused
from tools.med_vlm.identity import located, pins, refuse_code


@dataclass(frozen=True, slots=True)
class Source:
    """The folder of a model that is adapted, and its mark."""

    folder: ModelFolder
    fingerprint: str
    """SHA-256 over the names and hashes of its files."""

    @property
    def kind(self) -> str:
        """What `config.json` calls its architecture, e.g. `clip`; empty where there is none."""
        try:
            return str(self.folder.json("config.json").get("model_type", ""))
        except EncoderUnusable:
            return ""


def source_of(place: str) -> Source:
    """The folder of a model, its files hashed.

    Raises:
        ModelNotFound, ModelNotPinned: there is no such folder.
        ModelFormatRefused, ModelCodeRefused: its weights are pickled, or it asks to run code of its own.
        CheckpointRefused: its settings are no JSON.
    """
    path = located(place, None)
    refuse_code(path)
    mark = "".join(f"{name} {digest}\n" for name, digest in sorted(pins(path).items()))
    return Source(ModelFolder(path), hashlib.sha256(mark.encode()).hexdigest())


def load(kind: Any, source: Source, **more: Any) -> Any:
    """`kind.from_pretrained` of a folder, held to safetensors and to whole weights.

    Args:
        kind: A class of transformers, e.g. `AutoModel`.
        source: The folder.
        more: For `from_pretrained`, e.g. `dtype`.

    Raises:
        TrainingBaseRefused: weights are missing, left over or of another shape, or the folder cannot be read.
    """
    quiet()
    try:
        with refused_as_damaged():
            model, notes = kind.from_pretrained(
                str(source.folder.path),
                output_loading_info=True,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                **more,
            )
    except EncoderDamaged as error:
        raise TrainingBaseRefused("its folder cannot be loaded") from error
    wrong = [*notes["missing_keys"], *notes["unexpected_keys"], *map(str, notes["mismatched_keys"])]
    if wrong:
        raise TrainingBaseRefused(f"{len(wrong)} of its weights are missing, left over or of another shape")
    return model


def load_processor(kind: Any, source: Source) -> Any:
    """`kind.from_pretrained` of a processor, tokenizer or image processor.

    Raises:
        TrainingBaseRefused: the folder holds none that can be loaded without code of its own.
    """
    try:
        with refused_as_damaged():
            return kind.from_pretrained(str(source.folder.path), local_files_only=True, trust_remote_code=False)
    except EncoderDamaged as error:
        raise TrainingBaseRefused("its folder holds no processor or tokenizer that can be loaded") from error
