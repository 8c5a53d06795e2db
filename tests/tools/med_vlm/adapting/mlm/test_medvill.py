"""MedViLL goes back into its published names, every tensor of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tools.med_vlm.adapting.mlm.medvill import FusedMedVill
from tools.med_vlm.errors import TrainingBaseRefused

Checkpoint = Callable[[str], Path]


def test_what_is_saved_unchanged_holds_the_published_tensors_bit_for_bit(checkpoint: Checkpoint, tmp_path: Path) -> None:
    FusedMedVill(str(checkpoint("medvill")), "cpu", vision=True).save(tmp_path)
    before, after = (load_file(folder / "model.safetensors") for folder in (checkpoint("medvill"), tmp_path))
    before = {name: tensor for name, tensor in before.items() if not name.endswith("position_ids")}
    assert before.keys() == after.keys()
    assert [name for name in before if not torch.equal(before[name], after[name])] == []


def test_words_are_guessed_by_the_table_they_are_read_by(checkpoint: Checkpoint) -> None:
    network = FusedMedVill(str(checkpoint("medvill")), "cpu", vision=False).module
    assert network.word_head is not None
    assert network.word_head.decoder is network.bert.words.weight
    assert not any(each.requires_grad for each in network.regions.resnet.parameters())


def test_a_checkpoint_without_words_is_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(TrainingBaseRefused, match="words"):
        FusedMedVill(str(checkpoint("medvill_retrieval")), "cpu", vision=False)
