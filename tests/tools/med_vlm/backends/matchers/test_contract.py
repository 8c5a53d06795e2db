"""Every matcher keeps the contract of a `VisionModel`, from a tiny checkpoint in its published layout."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tools.med_vlm.asked import Asked, Image, asked_of
from tools.med_vlm.asking.questions import question
from tools.med_vlm.catalogue import open_model
from tools.med_vlm.conversion.catalogue import convert
from tools.med_vlm.errors import ImageRefused, ModelFilesChanged, ModelNotPinned
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import VisionModel

KINDS = (
    "clip",
    "siglip",
    "open_clip",
    "medclip_swin",
    "medclip_resnet",
    "visualbert_answers",
    "visualbert_pretraining",
    "medvill",
    "medvill_retrieval",
)
Spec = Callable[..., ModelSpec]


@pytest.fixture(scope="module")
def opened(spec_of: Spec) -> Callable[[str], VisionModel]:
    return cache(lambda kind: open_model(spec_of(kind)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_matcher_keeps_the_contract_of_every_back_end(
    kind: str, opened: Callable[[str], VisionModel], keeps_the_contract: Callable[..., None]
) -> None:
    keeps_the_contract(opened(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_it_scores_every_answer_and_writes_nothing(kind: str, opened: Callable[[str], VisionModel], image: Image) -> None:
    model = opened(kind)
    (answered,) = model.choose(Asked((image,)), [question("nodule")])
    assert answered.basis == "scored"
    assert list(answered.probabilities) == ["yes", "no"]
    assert math.isclose(sum(answered.probabilities.values()), 1, abs_tol=1e-12)
    assert not model.writes
    assert (model.profile.role, model.profile.most_images, model.profile.sees_priors) == ("matcher", 1, False)


@pytest.mark.parametrize("kind", KINDS)
def test_it_looks_at_the_focal_image_alone(kind: str, opened: Callable[[str], VisionModel], image: Image) -> None:
    other = Image(np.zeros((40, 40), np.float32))
    alone = opened(kind).choose(Asked((image,)), [question("nodule")])
    assert opened(kind).choose(Asked((image, other), priors=(other,)), [question("nodule")]) == alone


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pixels", [np.full((9, 9), np.nan), np.full((9, 9), 2.0), np.zeros((3, 9, 9)), np.zeros((0, 9))])
def test_what_is_no_picture_is_refused(kind: str, pixels: np.ndarray, opened: Callable[[str], VisionModel]) -> None:
    with pytest.raises(ImageRefused):
        opened(kind).choose(asked_of(pixels.astype(np.float32)), [question("nodule")])


@pytest.mark.parametrize("kind", ["medclip_swin", "visualbert_pretraining", "medvill"])
def test_a_pickle_as_it_was_published_is_converted_and_answers_alike(
    kind: str, changed: Callable[..., Path], spec_of: Spec, opened: Callable[[str], VisionModel], image: Image, tmp_path: Path
) -> None:
    folder = changed(kind)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    made = open_model(spec_of(kind, convert("safetensors", folder, tmp_path / "converted")))
    assert made.choose(Asked((image,)), [question("nodule")]) == opened(kind).choose(Asked((image,)), [question("nodule")])


@pytest.mark.fault(118)
@pytest.mark.parametrize("kind", ["clip", "medclip_swin", "visualbert_answers", "medvill"])
def test_files_that_are_not_listed_or_not_those_listed_are_never_loaded(kind: str, spec_of: Spec) -> None:
    spec = spec_of(kind)
    with pytest.raises(ModelNotPinned):
        open_model(spec.model_copy(update={"files": {}}))
    name = next(name for name in spec.files if name.endswith(".safetensors"))
    with pytest.raises(ModelFilesChanged, match="another"):
        open_model(spec.model_copy(update={"files": {**spec.files, name: "0" * 64}}))


@pytest.mark.fault(118)
def test_the_files_of_the_image_tower_beside_visualbert_are_held_to_the_settings_too(spec_of: Spec) -> None:
    spec = spec_of("visualbert_answers")
    with pytest.raises(ModelFilesChanged, match=r"base/model\.safetensors"):
        open_model(spec.model_copy(update={"files": {**spec.files, "base/model.safetensors": "0" * 64}}))


def test_the_fingerprint_is_that_of_the_files_and_the_name_holds_the_revision(spec_of: Spec, opened: Callable[[str], VisionModel]) -> None:
    assert opened("medvill").fingerprint != opened("medvill_retrieval").fingerprint
    again = open_model(spec_of("medvill", revision="0123456789abcdef0123456789abcdef01234567"))
    assert again.fingerprint == opened("medvill").fingerprint
    assert again.name == "tiny 0123456789ab"
    assert opened("visualbert_answers").name == "tiny (answers)"
    assert opened("visualbert_pretraining").name == "tiny (words and alignment)"
