"""Where a model runs, in which number format, and what a lack of memory becomes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tools.med_vlm.errors import CheckpointRefused, ModelOutOfMemory

if TYPE_CHECKING:
    from torch import dtype


def device_of(wanted: str) -> str:
    """The device for `auto`, `cpu` or `cuda`: `auto` is the GPU where there is one.

    Raises:
        CheckpointRefused: a GPU was named and there is none.
    """
    import torch

    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise CheckpointRefused("the settings name a GPU and there is none")
    return "cuda" if there and wanted != "cpu" else "cpu"


def place(wanted: str) -> tuple[str, dtype]:
    """The device, and the number format of a large model there: bfloat16 on a GPU, float32 on the CPU, which has no faster bfloat16.

    Raises:
        CheckpointRefused: as `device_of`.
    """
    import torch

    device = device_of(wanted)
    return device, torch.bfloat16 if device == "cuda" else torch.float32


@contextmanager
def memory() -> Iterator[None]:
    """Turn a GPU's lack of memory into `ModelOutOfMemory`, with what was held given back."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError:
        free()
        raise ModelOutOfMemory from None


def free() -> None:
    """Give back what the GPU's allocator keeps."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
