"""Where a model runs, and what a lack of memory becomes."""

from __future__ import annotations

import pytest
import torch

from tools.med_vlm.backends.placing import device_of, memory, place
from tools.med_vlm.errors import CheckpointRefused, ModelOutOfMemory


@pytest.mark.parametrize(
    ("wanted", "there", "device", "number"),
    [
        ("cpu", True, "cpu", torch.float32),
        ("cpu", False, "cpu", torch.float32),
        ("auto", False, "cpu", torch.float32),
        ("auto", True, "cuda", torch.bfloat16),
        ("cuda", True, "cuda", torch.bfloat16),
    ],
)
def test_a_gpu_is_taken_where_there_is_one_and_nobody_said_otherwise_and_computes_in_bfloat16(
    monkeypatch: pytest.MonkeyPatch, wanted: str, there: bool, device: str, number: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert device_of(wanted) == device
    assert place(wanted) == (device, number)


def test_a_gpu_that_is_named_and_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for refused in (device_of, place):
        with pytest.raises(CheckpointRefused, match="a GPU and there is none"):
            refused("cuda")


@pytest.mark.fault(66)
def test_a_lack_of_memory_is_an_error_that_may_be_tried_again() -> None:
    with pytest.raises(ModelOutOfMemory) as short, memory():
        raise torch.OutOfMemoryError("4 GB of a patient's image")
    assert short.value.retryable
    assert "patient" not in str(short.value)
