"""Where a composed model runs, and what a lack of memory becomes."""

from __future__ import annotations

import pytest
import torch

from tools.med_vlm.backends.composed.placing import memory, place
from tools.med_vlm.errors import ModelOutOfMemory


def test_the_cpu_is_taken_when_it_is_asked_for_and_when_there_is_nothing_else() -> None:
    assert place("cpu") == (torch.device("cpu"), torch.float32)
    assert place("auto")[0].type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_a_gpu_computes_in_bfloat16() -> None:
    assert place("cuda") == (torch.device("cuda"), torch.bfloat16)


@pytest.mark.fault(66)
def test_a_lack_of_memory_is_an_error_that_may_be_tried_again() -> None:
    with pytest.raises(ModelOutOfMemory) as short, memory():
        raise torch.cuda.OutOfMemoryError
    assert short.value.retryable
