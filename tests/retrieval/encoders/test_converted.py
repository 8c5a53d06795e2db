"""Networks through OpenVINO."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from retrieval.encoders.bert import Bert, Shape
from retrieval.encoders.converted import converted, openvino

library = openvino()
pytestmark = pytest.mark.skipif(library is None, reason="OpenVINO is an extra")


@pytest.fixture(scope="module")
def bert() -> Bert:
    torch.manual_seed(0)
    made = Bert(Shape(50, 32, 32, 48, 2, 2), "mean").eval().requires_grad_(requires_grad=False)
    for parameter in made.parameters():
        parameter.normal_(0, 0.3)
    return made


@pytest.fixture(scope="module")
def run(bert: Bert) -> Callable[..., np.ndarray]:
    assert library is not None
    made = converted(library, bert, tokens(2, 6), "f32")
    assert made is not None
    return made


def tokens(count: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    numbers = torch.randint(0, 50, (count, length), generator=torch.Generator().manual_seed(count * 100 + length))
    mask = torch.ones(count, length, dtype=torch.long)
    mask[-1, length // 2 + 1 :] = 0
    return numbers, mask


@pytest.mark.parametrize(("count", "length"), [(1, 3), (2, 6), (7, 31)])
def test_any_number_of_texts_of_any_length_gives_what_torch_gives(
    count: int, length: int, bert: Bert, run: Callable[..., np.ndarray]
) -> None:
    batch = tokens(count, length)
    assert np.allclose(run(*batch), bert(*batch).numpy(), atol=1e-5)


def test_two_threads_do_not_mix_their_texts(bert: Bert, run: Callable[..., np.ndarray]) -> None:
    batches = [tokens(1 + number % 5, 4 + number % 9) for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda batch: run(*batch), batches))
    assert all(np.allclose(one, bert(*batch).numpy(), atol=1e-5) for one, batch in zip(made, batches, strict=True))


def test_what_cannot_be_traced_is_not_converted() -> None:
    class Stubborn(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("not while traced")

    assert library is not None
    assert converted(library, Stubborn(), (torch.zeros(2, 3),), "f32") is None


def test_importing_it_reports_to_nobody_and_leaves_no_identifier(tmp_path: Path) -> None:
    """As it comes, `import openvino` sends an event to a usage counter and writes an identifier into the home folder."""
    code = """
import socket, sys
def refused(*args, **kwargs): raise AssertionError("a connection was opened")
socket.socket.connect = socket.create_connection = refused
import torch
from retrieval.encoders.converted import converted, openvino
library = openvino()
assert converted(library, torch.nn.Linear(3, 3), (torch.zeros(2, 3),), "f32") is not None
print([name for name in sys.modules if name.startswith("openvino_telemetry.")])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr
    assert list(tmp_path.iterdir()) == []
