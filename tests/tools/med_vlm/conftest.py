"""The shipped reader, phantoms to read, and tiny checkpoints of other models."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sandbox.phantoms.sample import corpus
from sandbox.phantoms.truth import truth
from tools.med_vlm.compact.examples.example import TrainingExample
from tools.med_vlm.compact.examples.store import Store, render
from tools.med_vlm.compact.reader import CompactReader, load_compact

F32 = NDArray[np.float32]
Tiny = Callable[..., Path]

_spec = importlib.util.spec_from_file_location("tiny_checkpoints", Path(__file__).parent / "tiny.py")
assert _spec is not None
assert _spec.loader is not None
_tiny = sys.modules["tiny_checkpoints"] = importlib.util.module_from_spec(_spec)

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


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """`tiny("llava", folder)` writes the tiny checkpoint of a family; `tiny("llava")` gives one made once, not to be written to."""
    if not hasattr(_tiny, "build"):
        _spec.loader.exec_module(_tiny)  # type: ignore[union-attr]  # asked above; not at import, since it loads torch
    made: dict[str, Path] = {}

    def give(name: str, folder: Path | None = None) -> Path:
        if name not in made:
            made[name] = _tiny.build(name, tmp_path_factory.mktemp("tiny") / name)
        return made[name] if folder is None else Path(shutil.copytree(made[name], folder))

    return give


@pytest.fixture(scope="session")
def keeps_the_contract() -> Callable[..., None]:
    """`keeps_the_contract(model)` fails where a back end breaks the contract of `VisionModel` (vision_contract.py)."""
    place = Path(__file__).parent / "vision_contract.py"
    spec = importlib.util.spec_from_file_location("vision_contract", place)
    assert spec is not None
    assert spec.loader is not None
    contract = sys.modules["vision_contract"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(contract)
    return contract.check  # type: ignore[no-any-return]  # loaded by its path
