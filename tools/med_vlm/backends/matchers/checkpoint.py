"""A published folder as matchers read it: checked, in float32, and nothing in it run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.encoders.folder import ModelFolder
from tools.med_vlm.backends.placing import device_of
from tools.med_vlm.checkpoint import Stock, refusing, stock_of
from tools.med_vlm.identity import identified, refuse_code
from tools.med_vlm.spec import ModelSpec

if TYPE_CHECKING:
    from torch import nn

_VERSION = "matcher 1"
"""Raise when the same files come to give other answers."""


@dataclass(frozen=True)
class Checkpoint:
    """The folder an entry of the settings names, the folder of its base model where it names one, and a mark of both and of our code."""

    folder: ModelFolder
    base: ModelFolder | None
    fingerprint: str


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


def stock(folder: ModelFolder) -> Stock:
    """All tensors of a folder, numbers in float32 and whole numbers as they are.

    Raises:
        CheckpointRefused: as `stock_of`.
    """
    tensors = stock_of(folder.path).under("")
    return Stock({name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()})


def ready(module: nn.Module, device: str) -> nn.Module:
    """The module for inference alone, in float32, on the device of an entry of the settings.

    Raises:
        CheckpointRefused: a GPU was named and there is none.
    """
    return module.eval().requires_grad_(requires_grad=False).to(device_of(device))
