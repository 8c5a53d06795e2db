"""Networks of transformers' and of ours, made of a published checkpoint's tensors: whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from retrieval.encoders.hugging_face import silenced
from tools.med_vlm.backends.stopping import stoppable
from tools.med_vlm.checkpoint import making, refuse_incomplete
from tools.med_vlm.errors import CheckpointRefused

if TYPE_CHECKING:
    from torch import Tensor, dtype


def layers(names: Iterable[str], prefix: str) -> int:
    """How many layers `prefix` 0, 1, 2 … the names speak of: one more than the last."""
    numbers = {name[len(prefix) :].split(".", 1)[0] for name in names if name.startswith(prefix)}
    return 1 + max((int(number) for number in numbers if number.isdecimal()), default=-1)


def whole(kind: Any, sizes: Any, tensors: Mapping[str, Tensor], number: dtype) -> Any:
    """A transformers model of these sizes with these weights, in this number format, ready to be asked, and to be stopped.

    Raises:
        CheckpointRefused: a tensor is missing, left over or of another shape.
    """
    with making(kind.__name__), silenced():
        if _numbers(kind, sizes) != sum(tensor.numel() for tensor in tensors.values()):
            raise CheckpointRefused(f"its settings describe a {kind.__name__} of another size")
        model, notes = kind.from_pretrained(None, config=sizes, state_dict=dict(tensors), output_loading_info=True, dtype=number)
    refuse_incomplete(notes)
    return stoppable(model.eval())


def _numbers(kind: Any, sizes: Any) -> int:
    """How many numbers such a model holds. Counted without memory: settings that say too little describe a model of billions."""
    import torch

    with torch.device("meta"):
        return sum(tensor.numel() for tensor in kind(sizes).state_dict().values())


def filled(module: Any, tensors: Mapping[str, Tensor], number: dtype) -> Any:
    """A module of ours with these weights, in this number format, ready to be asked, and to be stopped.

    Raises:
        CheckpointRefused: as `whole`.
    """
    with making(type(module).__name__):
        module.load_state_dict(dict(tensors), strict=True, assign=True)
    return stoppable(module.to(number).eval().requires_grad_(False))
