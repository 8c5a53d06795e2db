"""The shipped reader, and phantoms to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from sandbox.phantoms.sample import corpus
from sandbox.phantoms.truth import truth
from tools.med_vlm.compact.example import TrainingExample
from tools.med_vlm.compact.reader import CompactReader, load_compact
from tools.med_vlm.compact.store import Store, render

F32 = NDArray[np.float32]

UNSEEN = 5_000_000
"""First of the phantom numbers that no set of the training uses."""


def phantom_example(number: int, size: int = 256) -> TrainingExample:
    (case,) = corpus([number], size=size)
    masks = dict(case.phantom.masks)
    if "tension_pneumothorax" in masks:
        masks.setdefault("pneumothorax", masks["tension_pneumothorax"])
    pixels = case.phantom.pixels.astype(np.float32) / (2**case.phantom.bits - 1)
    sentences = (*case.report.findings, *case.report.impression)
    return TrainingExample(number, pixels, dict(truth(case.phantom.spec)), masks, sentences, case.phantom.spec.view)


@pytest.fixture(scope="session")
def reader() -> CompactReader:
    return load_compact()


@pytest.fixture(scope="session")
def phantoms() -> tuple[TrainingExample, ...]:
    """Forty phantoms no training saw."""
    return tuple(phantom_example(number) for number in range(UNSEEN, UNSEEN + 40))


@pytest.fixture(scope="session")
def phantom_source() -> Callable[[Sequence[int]], Iterator[TrainingExample]]:
    """Small phantoms by number."""
    return lambda numbers: (phantom_example(number, 96) for number in numbers)


@pytest.fixture(scope="session")
def small_store(phantom_source: Callable[[Sequence[int]], Iterator[TrainingExample]], tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Twenty-four phantoms of 64 pixels."""
    return render(phantom_source, range(UNSEEN + 100, UNSEEN + 124), 64, tmp_path_factory.mktemp("store") / "small")
