"""Where a composed model runs, and in which number format."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from tools.med_vlm.errors import ModelOutOfMemory

if TYPE_CHECKING:
    from torch import device, dtype


def place(wanted: Literal["auto", "cpu", "cuda"]) -> tuple[device, dtype]:
    """The device, a GPU if there is one and nobody said otherwise; bfloat16 there, float32 on the CPU, which has no faster bfloat16."""
    import torch

    gpu = wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available())
    return (torch.device("cuda"), torch.bfloat16) if gpu else (torch.device("cpu"), torch.float32)


@contextmanager
def memory() -> Iterator[None]:
    """Turn a GPU's lack of memory into `ModelOutOfMemory`, with what was held given back."""
    import torch

    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise ModelOutOfMemory from error
