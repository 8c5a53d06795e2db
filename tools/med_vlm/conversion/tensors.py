"""Tensors out of published files, pickles among them, which are read for tensors alone, and into safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.med_vlm.checkpoint import WEIGHTS, joined, tensors_of
from tools.med_vlm.errors import CheckpointRefused

if TYPE_CHECKING:
    from torch import Tensor

_WRAPPERS = ("state_dict", "model", "module", "model_state_dict")
"""Keys under which training programs put a state dict beside their own notes."""


def published(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder's weights, however many files they are split into; safetensors where there are any.

    Raises:
        CheckpointRefused: there are none, two files hold one name, or a file is damaged or holds more than tensors.
    """
    files = sorted(folder.glob(WEIGHTS)) or sorted(folder.glob("pytorch_model*.bin"))
    if not files:
        raise CheckpointRefused("there are neither *.safetensors nor pytorch_model*.bin")
    return joined(map(of_file, files))


def of_file(path: Path) -> dict[str, Tensor]:
    """The tensors of one file: safetensors, or a pickle of tensors by name, perhaps beside a training program's notes.

    Raises:
        CheckpointRefused: it is not there, is damaged, or holds something else than tensors; nothing of it was run.
    """
    if path.suffix == ".safetensors":
        return tensors_of(path)
    if not path.is_file():
        raise CheckpointRefused(f"{path.name} is missing")
    return _unwrapped(_unpickled(path), path.name)


def _unpickled(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a hostile file chooses what its reading raises; whatever that is, nothing of it ran
        raise CheckpointRefused(f"{path.name} holds more than tensors, or is cut short") from error


def _unwrapped(held: Any, name: str) -> dict[str, Tensor]:
    import torch

    inner = next((held[key] for key in _WRAPPERS if isinstance(held.get(key), Mapping)), held) if isinstance(held, Mapping) else held
    if not isinstance(inner, Mapping) or not inner or not all(isinstance(each, torch.Tensor) for each in inner.values()):
        raise CheckpointRefused(f"{name} holds something else than tensors by name")
    return {str(key): tensor.detach() for key, tensor in inner.items()}


def written(tensors: Mapping[str, Tensor], out: Path) -> None:
    """Write tensors as safetensors into a folder, in several files of 5 GB where there are many."""
    from huggingface_hub import save_torch_state_dict

    taken: set[int] = set()
    apart: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        alone = place not in taken and tensor.is_contiguous() and tensor.untyped_storage().nbytes() == tensor.nbytes
        apart[name] = tensor if alone else tensor.clone().contiguous()  # a second name for the same numbers would be dropped
        taken.add(place)
    save_torch_state_dict(apart, out)
