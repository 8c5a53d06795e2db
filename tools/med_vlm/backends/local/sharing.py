"""Several questions about the same pictures, which the network looks at once: what comes before the first difference is kept.

On a CPU this decides whether a large model can be asked ten questions at all: a picture is hundreds of tokens, a question thirty.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from tools.med_vlm.backends.local.scoring import Scores, Walk

if TYPE_CHECKING:
    from torch import Tensor

SHARING = frozenset({"llava", "llava_next", "gemma3", "idefics3", "qwen2_vl", "qwen2_5_vl", "qwen3_vl"})
"""Families whose pictures do not see the words after them. PaliGemma's do, and BLIP-2 keeps nothing from one call to the next."""


def shared_length(batch: Mapping[str, Tensor], image_token: int) -> int:
    """How many tokens all rows begin with, at least one left to each; 0 where a picture comes after them."""
    rows = _rows(batch)
    length = min(len(common(rows)), min(map(len, rows)) - 1)
    return 0 if any(image_token in row[length:] for row in rows) else length


def shared_scores(network: Any, batch: Mapping[str, Tensor], length: int, walks: Sequence[Walk]) -> list[Scores]:
    """The scores of each walk, whose text and pictures are a row of the batch; all rows have the same pictures and first tokens."""
    kept = network(**_opening(batch, length), use_cache=True, logits_to_keep=1).past_key_values
    rows = zip(_rows(batch), walks, strict=True)
    return [Scores(walk, _logs(network, copy.deepcopy(kept), row[length:], walk)) for row, walk in rows]


def _rows(batch: Mapping[str, Tensor]) -> list[list[int]]:
    """The tokens of each row without padding."""
    return [tokens[mask.bool()].tolist() for tokens, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)]


def common(rows: Sequence[Sequence[int]]) -> list[int]:
    """What all rows begin with."""
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, zip(*rows, strict=False))]


def _opening(batch: Mapping[str, Tensor], length: int) -> dict[str, Tensor]:
    """The first row's share of a batch: its first tokens without padding, and all of its pictures."""
    shape, mask = batch["input_ids"].shape, batch["attention_mask"][0].bool()
    return {
        name: tensor[:1, mask][:, :length] if tensor.shape == shape else tensor[: len(tensor) // shape[0]] for name, tensor in batch.items()
    }


def _logs(network: Any, kept: Any, rest: Sequence[int], walk: Walk) -> list[float]:
    """The log-probability of each last token of a walk, and of the way to it, after what is kept and the rest of the text."""
    import torch

    tokens = torch.tensor([[*rest, *walk.along]], device=network.device)
    # Without a mask, which would be of ones: Qwen-VL takes the places of all that it masks for those of the new tokens alone.
    made = network(input_ids=tokens, past_key_values=kept, logits_to_keep=len(walk.along) + 1)
    logs = made.logits[0].float().log_softmax(-1)
    along = sum(float(logs[step, token]) for step, token in enumerate(walk.along))
    return [along + float(logs[-1, token]) for token in walk.lasts]
