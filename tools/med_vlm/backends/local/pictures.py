"""Rows of a batch that show the same pictures: each picture is resized and normalised once, however many questions are about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Once:
    """A processor's reader of pictures that reads the first row's and repeats what came of it for the others.

    What readers give begins with an axis of pictures, patches or rows in every family, so that repeating is joining along the first.
    """

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def __getattr__(self, name: str) -> Any:
        """Whatever else a processor asks its reader."""
        if name == "_reader":  # asked of an object that is only being copied, and has none yet
            raise AttributeError(name)
        return getattr(self._reader, name)

    def __call__(self, images: Any, *given: Any, **how: Any) -> Any:
        """What the reader gives of all images."""
        times = repeated(images) if isinstance(images, list) else 1
        if times == 1:
            return self._reader(images, *given, **how)
        made = self._reader(images[: len(images) // times], *given, **how)
        return type(made)({name: _again(value, times) for name, value in made.items()})


def repeated(images: Sequence[Any]) -> int:
    """How often a list says the same, picture by picture or row by row; 1 where it does not."""
    marks = [tuple(map(id, each)) if isinstance(each, list) else (id(each),) for each in images]
    for length in range(1, len(marks)):
        if len(marks) % length == 0 and marks == marks[:length] * (len(marks) // length):
            return len(marks) // length
    return 1


def _again(value: Any, times: int) -> Any:
    import numpy as np
    import torch

    if isinstance(value, torch.Tensor):
        return torch.cat([value] * times)
    return np.concatenate([value] * times) if isinstance(value, np.ndarray) else list(value) * times
