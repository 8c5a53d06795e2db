"""A published folder as matchers read it: checked, its tensors taken out by name until none is left, and nothing in it run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.encoders.folder import ModelFolder
from retrieval.errors import EncoderUnusable
from tools.med_vlm.backends.local.network import device_of
from tools.med_vlm.errors import CheckpointRefused
from tools.med_vlm.identity import identified, refuse_code
from tools.med_vlm.spec import ModelSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

_VERSION = "matcher 1"
"""Raise when the same files come to give other answers."""


@dataclass(frozen=True)
class Checkpoint:
    """The folder an entry of the settings names, the folder of its base model where it names one, and a mark of both and of our code."""

    folder: ModelFolder
    base: ModelFolder | None
    fingerprint: str


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what `retrieval` finds wrong with a model's files into `CheckpointRefused`. Its messages name files of the folder alone."""
    try:
        yield
    except EncoderUnusable as error:
        raise CheckpointRefused(str(error)) from error


@contextmanager
def loading() -> Iterator[None]:
    """As `refusing`, for Hugging Face's loaders: what they raise becomes `CheckpointRefused`, and they report nothing."""
    from retrieval.encoders.hugging_face import refused_as_damaged, silenced

    with silenced(), refusing(), refused_as_damaged():
        yield


def open_checkpoint(spec: ModelSpec) -> Checkpoint:
    """The checkpoint of an entry of the settings, its files those that the settings list.

    Raises:
        ModelNotPinned, ModelNotFound, ModelFilesChanged, ModelFormatRefused: as `identity.identified`.
        ModelCodeRefused: a folder asks to run code of its own.
        CheckpointRefused: its settings are no JSON.
    """
    files = identified(spec)
    for path in filter(None, (files.path, files.base)):
        refuse_code(path)
    mark = hashlib.sha256(f"{_VERSION} {files.fingerprint}".encode()).hexdigest()
    return Checkpoint(ModelFolder(files.path), ModelFolder(files.base) if files.base else None, mark)


class Stock:
    """Tensors that are taken out one by one, in float32; at the end none may be left."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._left = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}

    def take(self, name: str) -> Tensor:
        """One tensor.

        Raises:
            CheckpointRefused: it is missing.
        """
        if name not in self._left:
            raise CheckpointRefused(f"the tensor {name!r} is missing")
        return self._left.pop(name)

    def under(self, prefix: str) -> dict[str, Tensor]:
        """All tensors whose names begin with `prefix`, without it; none may be there."""
        names = [name for name in self._left if name.startswith(prefix)]
        return {name.removeprefix(prefix): self._left.pop(name) for name in names}

    def linear(self, name: str, *, bias: bool) -> nn.Linear:
        """A linear layer of the tensors `name.weight` and `name.bias`.

        Raises:
            CheckpointRefused: one is missing or of another shape.
        """
        from torch import nn

        weight = self.take(f"{name}.weight")
        offset = self.take(f"{name}.bias") if bias else None
        if weight.ndim != 2 or (offset is not None and offset.shape != weight.shape[:1]):
            raise CheckpointRefused(f"the layer {name!r} has another shape than a matrix and its offsets")
        made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias, device="meta")
        made.weight = nn.Parameter(weight)
        if offset is not None:
            made.bias = nn.Parameter(offset)
        return made

    def finish(self) -> None:
        """Refuse what nothing took.

        Raises:
            CheckpointRefused: tensors are left.
        """
        if self._left:
            raise CheckpointRefused(f"{len(self._left)} tensors are left over that no layer takes")


def stock(folder: ModelFolder) -> Stock:
    """All tensors of a folder's safetensors files, however many they were split into.

    Raises:
        CheckpointRefused: there is no such file, or one is damaged.
    """
    names = sorted(path.name for path in folder.path.glob("*.safetensors"))
    if not names:
        raise CheckpointRefused("the folder holds no safetensors; other formats are turned into it by `sidenote model convert`")
    with refusing():
        return Stock({name: tensor for file in names for name, tensor in folder.tensors(file).items()})


def ready(module: nn.Module, device: str) -> nn.Module:
    """The module for inference alone, in float32, on the device of an entry of the settings.

    Raises:
        CheckpointRefused: a GPU was named and there is none.
    """
    return module.eval().requires_grad_(requires_grad=False).to(device_of(device))
