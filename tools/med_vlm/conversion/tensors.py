"""The tensors and settings of a published folder, taken out by name until none is left. Pickles are read for tensors alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.encoders.folder import ModelFolder
from retrieval.errors import EncoderUnusable
from tools.med_vlm.errors import ConversionRefused

if TYPE_CHECKING:
    from torch import Tensor

_WRAPPERS = ("state_dict", "model", "module", "model_state_dict")
"""Keys under which training programs put a state dict beside their own notes."""


def published(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder's weights, however many files they are split into; safetensors where there are any.

    Raises:
        ConversionRefused: there are none, two files hold one name, or a file is damaged or holds more than tensors.
    """
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not files:
        raise ConversionRefused("there are neither *.safetensors nor pytorch_model*.bin")
    made: dict[str, Tensor] = {}
    for path in files:
        found = of_file(path)
        if made.keys() & found.keys():
            raise ConversionRefused("two files hold a tensor of one name")
        made |= found
    return made


def of_file(path: Path) -> dict[str, Tensor]:
    """The tensors of one file: safetensors, or a pickle of tensors by name, perhaps beside a training program's notes.

    Raises:
        ConversionRefused: it is not there, is damaged, or holds something else than tensors; nothing of it was run.
    """
    if not path.is_file():
        raise ConversionRefused(f"{path.name} is missing")
    if path.suffix == ".safetensors":
        try:
            return ModelFolder(path.parent).tensors(path.name)
        except EncoderUnusable as error:
            raise ConversionRefused(f"{path.name} is no safetensors, or is cut short") from error
    return _unwrapped(_unpickled(path), path.name)


def _unpickled(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a hostile file chooses what its reading raises; whatever that is, nothing of it ran
        raise ConversionRefused(f"{path.name} holds more than tensors, or is cut short") from error


def _unwrapped(held: Any, name: str) -> dict[str, Tensor]:
    import torch

    inner = next((held[key] for key in _WRAPPERS if isinstance(held.get(key), Mapping)), held) if isinstance(held, Mapping) else held
    if not isinstance(inner, Mapping) or not inner or not all(isinstance(each, torch.Tensor) for each in inner.values()):
        raise ConversionRefused(f"{name} holds something else than tensors by name")
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


def settings(folder: Path, name: str) -> dict[str, Any]:
    """A JSON object of a folder.

    Raises:
        ConversionRefused: it is not there, or is no JSON object.
    """
    try:
        return ModelFolder(folder).json(name)
    except EncoderUnusable as error:
        raise ConversionRefused(f"{name} is missing, or is no JSON object") from error


class Stock:
    """Tensors that are taken out part by part; what is left at the end was not understood."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._left = dict(tensors)

    def has(self, prefix: str) -> bool:
        """Whether a tensor's name begins so."""
        return any(name.startswith(prefix) for name in self._left)

    def take(self, name: str) -> Tensor:
        """One tensor.

        Raises:
            ConversionRefused: it is missing.
        """
        if name not in self._left:
            raise ConversionRefused(f"the tensor {name!r} is missing")
        return self._left.pop(name)

    def under(self, prefix: str, rename: Callable[[str], str] = str) -> dict[str, Tensor]:
        """All tensors whose names begin so, by the rest of their names, renamed."""
        names = [name for name in self._left if name.startswith(prefix)]
        return {rename(name.removeprefix(prefix)): self._left.pop(name) for name in names}

    def leave(self, prefixes: Iterable[str] = (), endings: Iterable[str] = ()) -> None:
        """Drop what nothing here depends on."""
        starts, ends = tuple(prefixes), tuple(endings)
        self._left = {name: tensor for name, tensor in self._left.items() if not name.startswith(starts) and not name.endswith(ends)}

    def close(self) -> None:
        """Refuse what nobody took.

        Raises:
            ConversionRefused: tensors are left.
        """
        if self._left:
            raise ConversionRefused(f"{len(self._left)} tensors are left over, such as {min(self._left)!r}")
