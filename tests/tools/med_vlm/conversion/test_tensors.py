"""Tensors out of published files, and nothing else out of them."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from tools.med_vlm.conversion.tensors import of_file, published, written
from tools.med_vlm.errors import CheckpointRefused

ONE = {"a.weight": torch.arange(3.0), "b.weight": torch.ones(2, 2)}


class Trap:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, tuple[str, ...]]:
        import os

        return os.system, (self.command,)


@pytest.mark.fault(118)
@pytest.mark.parametrize(
    "wrap", [lambda trap: trap, lambda trap: {"a": torch.ones(1), "b": trap}, lambda trap: {"state_dict": {"a": trap}}]
)
def test_a_pickle_that_would_run_something_is_refused_and_runs_nothing(wrap: Any, tmp_path: Path) -> None:
    sign = tmp_path / "ran"
    torch.save(wrap(Trap(f"touch {sign}")), tmp_path / "model.bin")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(wrap(Trap(f"touch {sign}"))))
    for name in ("model.bin", "plain.pt"):
        with pytest.raises(CheckpointRefused, match="more than tensors"):
            of_file(tmp_path / name)
    assert not sign.exists()


@pytest.mark.parametrize("key", [None, "state_dict", "model", "module", "model_state_dict"])
def test_a_state_dict_is_found_beside_a_training_programs_notes(key: str | None, tmp_path: Path) -> None:
    torch.save(ONE if key is None else {"epoch": 3, key: ONE, "name": "x"}, tmp_path / "model.pt")
    found = of_file(tmp_path / "model.pt")
    assert found.keys() == ONE.keys()
    assert all(torch.equal(found[name], ONE[name]) for name in ONE)


@pytest.mark.parametrize("held", [{}, {"a": 1}, {"epoch": 3}, [torch.ones(1)], torch.ones(1), {"model": {}}, "words", None])
def test_what_holds_no_tensors_by_name_is_refused(held: Any, tmp_path: Path) -> None:
    torch.save(held, tmp_path / "model.pt")
    with pytest.raises(CheckpointRefused):
        of_file(tmp_path / "model.pt")


def test_a_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    written = io.BytesIO()
    torch.save(ONE, written)
    (tmp_path / "model.bin").write_bytes(written.getvalue()[:-200])
    save_file(ONE, tmp_path / "model.safetensors")
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:-4])
    for name in ("model.bin", "model.safetensors", "absent.bin"):
        with pytest.raises(CheckpointRefused):
            of_file(tmp_path / name)


@given(junk=st.binary(max_size=300))
def test_no_bytes_do_anything_but_be_refused(junk: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    for name in ("junk.bin", "junk.safetensors"):
        (folder / name).write_bytes(junk)
        with pytest.raises(CheckpointRefused):
            of_file(folder / name)


def test_files_are_read_together_and_safetensors_before_pickles(tmp_path: Path) -> None:
    torch.save({"a.weight": ONE["a.weight"]}, tmp_path / "pytorch_model-00001-of-00002.bin")
    torch.save({"b.weight": ONE["b.weight"]}, tmp_path / "pytorch_model-00002-of-00002.bin")
    assert published(tmp_path).keys() == ONE.keys()
    torch.save(ONE, tmp_path / "pytorch_model-00003-of-00003.bin")
    with pytest.raises(CheckpointRefused, match="one name"):
        published(tmp_path)
    save_file({"c": torch.ones(1)}, tmp_path / "model.safetensors")
    assert published(tmp_path).keys() == {"c"}


def test_a_folder_without_weights_says_so(tmp_path: Path) -> None:
    with pytest.raises(CheckpointRefused, match="neither"):
        published(tmp_path)


def test_every_name_is_written_even_where_two_share_numbers_or_see_a_part(tmp_path: Path) -> None:
    rows = torch.randn(6, 4)
    held = {"embed": rows, "head": rows, "part": rows[2:4], "turned": rows.T, "alone": torch.ones(2, dtype=torch.bfloat16)}
    written(held, tmp_path)
    found = of_file(tmp_path / "model.safetensors")
    assert found.keys() == held.keys()
    assert all(torch.equal(found[name], held[name]) and found[name].dtype == held[name].dtype for name in held)
