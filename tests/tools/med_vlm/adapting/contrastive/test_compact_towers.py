"""The compact model is aligned by its projection alone, or by its whole tower; its text tower never moves."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from tools.med_vlm.adapting.compact_model import CompactBase, compact_base
from tools.med_vlm.adapting.contrastive.alignment import ContrastivePlan, align
from tools.med_vlm.adapting.contrastive.compact_towers import CompactTowers
from tools.med_vlm.adapting.contrastive.towers import Freeze
from tools.med_vlm.compact.files import verify
from tools.med_vlm.compact.network import CompactNet, Shape
from tools.med_vlm.errors import TrainingBaseRefused


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> CompactBase:
    """The model that ships with a small random network, so that a step takes no second."""
    torch.manual_seed(3)
    net = CompactNet(Shape(size=64, widths=(8, 16, 24, 32), blocks=(1, 1, 1, 1), neck=24))
    shipped = compact_base()
    return dataclasses.replace(shipped, parts=dataclasses.replace(shipped.parts, net=net))


@pytest.mark.parametrize(("freeze", "tower"), [("vision", False), ("text", True), ("none", True)])
def test_the_projection_always_moves(freeze: Freeze, tower: bool, base: CompactBase) -> None:
    towers = CompactTowers(base, freeze, sigmoid=False, device="cpu")
    moving = {name for name, each in towers.module.named_parameters() if each.requires_grad}
    assert {"projection.weight", "projection.bias", "log_temperature"} <= moving
    assert ("stage1.0.first.weight" in moving) is tower
    assert not any(name.startswith("domain_head") for name in moving)


def test_images_and_reports_are_unit_vectors_of_one_space(base: CompactBase) -> None:
    towers = CompactTowers(base, "vision", sigmoid=False, device="cpu")
    rows = np.stack([towers.picture(np.random.default_rng(seed).random((80, 70)).astype(np.float32)) for seed in range(2)])
    vectors = torch.cat([towers.images(rows), towers.texts(["The heart is enlarged.", "No pleural effusion."])])
    assert vectors.shape == (4, 384)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(4), atol=1e-4)


def test_a_sigmoid_loss_is_refused(base: CompactBase) -> None:
    with pytest.raises(TrainingBaseRefused, match="InfoNCE"):
        CompactTowers(base, "none", sigmoid=True, device="cpu")


def test_an_aligned_compact_model_is_calibrated_anew_and_its_tower_is_as_it_was(
    base: CompactBase, small_archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.med_vlm.adapting.compact_model.compact_base", lambda: base)
    before = copy.deepcopy(base.parts.net.state_dict())
    plan = ContrastivePlan(base="compact", freeze="vision", epochs=4, batch=8, peak=3e-3, held_out=0.25, device="cpu")
    made = align(plan, small_archive, tmp_path / "run")
    assert made.losses[-1] < made.losses[0]
    assert made.plan["calibration"] == 0.2  # nobody said how many
    after = base.parts.net.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved <= {"projection.weight", "projection.bias", "log_temperature"}
    assert verify(tmp_path / "run" / "model").version.startswith(base.card.version)
