"""Every composed model keeps what a back end promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tools.med_vlm.asked import asked_of
from tools.med_vlm.asking.questions import question
from tools.med_vlm.backends.composed import maira2, minigpt4
from tools.med_vlm.backends.composed.radfm import opening
from tools.med_vlm.backends.composed.speaker import Speaker
from tools.med_vlm.catalogue import open_model
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Prompt

MODELS = ("minigpt4-vicuna", "minigpt4-llama2", "radfm", "maira-2")


@pytest.mark.parametrize("name", MODELS)
def test_a_composed_model_keeps_the_contract(opened: Callable[[str], Any], keeps_the_contract: Callable[..., None], name: str) -> None:
    model = opened(name)
    assert isinstance(model, Speaker)
    keeps_the_contract(model)


@pytest.mark.parametrize("name", MODELS)
def test_it_answers_in_a_gpus_number_format_nearly_as_in_the_cpus(
    opened: Callable[[str], Any],
    spec_of_model: Callable[[str], ModelSpec],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    for module in (maira2, minigpt4, opening):
        monkeypatch.setattr(module, "place", lambda _: (torch.device("cpu"), torch.bfloat16))
    coarse = open_model(spec_of_model(name))
    asked = asked_of(np.random.default_rng(1).random((30, 30), dtype=np.float32))
    (fine,), (rough,) = (model.choose(asked, [question("pleural_effusion")]) for model in (opened(name), coarse))
    assert rough.probabilities["yes"] == pytest.approx(fine.probabilities["yes"], abs=0.1)
    assert coarse.write(asked, Prompt("", "Describe.", most_tokens=3))


def test_a_reading_names_it_by_its_revision_or_else_by_its_files(opened: Callable[[str], Any]) -> None:
    model = opened("radfm")
    assert model.name == f"tiny-radfm {model.fingerprint[:12]}"
    revision = "0123456789abcdef0123456789abcdef01234567"
    spec = ModelSpec(name="m", backend="radfm", source="/", licence="MIT", revision=revision, most_images=3)
    named = Speaker(model, spec, "f" * 64, sees_priors=True)
    assert (named.name, named.fingerprint) == ("m 0123456789ab", "f" * 64)
    assert (named.profile.sees_priors, named.profile.most_images, named.profile.role) == (True, 3, "generative reader")


def test_a_seed_belongs_to_a_samples_number_and_the_first_has_none(opened: Callable[[str], Any]) -> None:
    model = opened("minigpt4-vicuna")
    asked = asked_of(np.random.default_rng(2).random((30, 30), dtype=np.float32))
    three, two = (model.write(asked, Prompt("", "Describe.", most_tokens=10), samples=samples) for samples in (3, 2))
    assert three[:2] == two
    assert len({written.text for written in three}) > 1
