"""Models opened from tiny checkpoints, each once a session, and images to show them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tools.med_vlm.asked import Asked, asked_of
from tools.med_vlm.backends.local import open_local
from tools.med_vlm.backends.local.model import LocalModel
from tools.med_vlm.identity import pins
from tools.med_vlm.spec import ModelSpec

FAMILIES = ("llava", "llava-next", "gemma3", "idefics3", "paligemma", "blip2", "blip2-t5", "qwen2-vl", "qwen2.5-vl", "qwen3-vl")


@pytest.fixture(scope="session")
def pinned() -> Callable[..., ModelSpec]:
    """An entry of the settings for a folder, its files listed as they are now."""

    def make(folder: Path, **more: Any) -> ModelSpec:
        return ModelSpec(name="tiny", backend="transformers", source=str(folder), licence="mit", **({"files": pins(folder)} | more))

    return make


@pytest.fixture(scope="session")
def opened(tiny: Callable[..., Path], pinned: Callable[..., ModelSpec]) -> Callable[[str], LocalModel]:
    """The model of a family, opened once; it may be shown two images and a prior."""
    made: dict[str, LocalModel] = {}

    def give(name: str) -> LocalModel:
        if name not in made:
            made[name] = open_local(pinned(tiny(name), most_images=2, sees_priors=True))
        return made[name]

    return give


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def model(family: str, opened: Callable[[str], LocalModel]) -> LocalModel:
    return opened(family)


@pytest.fixture(scope="session")
def image() -> Asked:
    return asked_of(np.random.default_rng(1).random((60, 44), dtype=np.float32))


@pytest.fixture(scope="session")
def other_image() -> Asked:
    return asked_of(np.random.default_rng(2).random((60, 44), dtype=np.float32) * np.float32(0.3))
