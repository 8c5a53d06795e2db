"""What a kill leaves behind is a whole state or rubbish that nobody reads."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import torch

from tools.med_vlm.adapting.training.state import LOCK, RUN, Identity, State, workplace
from tools.med_vlm.errors import TrainingBusy, TrainingDataRefused, TrainingStateDamaged

SAME = Identity("contrastive", {"peak": 0.1, "sizes": (1, 2)}, "a" * 64, "b" * 64)
NOTE = {"step": 4, "files": {"state": "state-4.safetensors", "best": "best-4.safetensors"}}


def kept(folder: Path) -> State:
    folder.mkdir(exist_ok=True)
    state = State(folder, SAME)
    weights = {"weights.x": torch.arange(3.0)}
    state.keep({"state-4.safetensors": weights, "best-4.safetensors": weights}, NOTE)
    return state


def test_the_state_comes_back_bit_for_bit(tmp_path: Path) -> None:
    kept(tmp_path)
    again = State(tmp_path, SAME)
    assert again.note == NOTE
    assert torch.equal(again.tensors("state-4.safetensors")["weights.x"], torch.arange(3.0))


def test_what_a_kill_cut_short_is_swept_away(tmp_path: Path) -> None:
    kept(tmp_path)
    (tmp_path / "state-5.safetensors").write_bytes(b"half")
    (tmp_path / ".run.json").write_bytes(b'{"half"')
    assert State(tmp_path, SAME).note == NOTE
    assert not (tmp_path / "state-5.safetensors").exists()


def test_what_is_named_no_more_is_removed(tmp_path: Path) -> None:
    state = kept(tmp_path)
    state.keep(
        {"state-6.safetensors": {"weights.x": torch.zeros(1)}}, {"files": {"state": "state-6.safetensors", "best": "best-4.safetensors"}}
    )
    assert {path.name for path in tmp_path.glob("*.safetensors")} == {"state-6.safetensors", "best-4.safetensors"}


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (Identity("mlm", SAME.plan, SAME.archive, SAME.base), "strategy"),
        (Identity(SAME.strategy, SAME.plan, "c" * 64, SAME.base), "archive"),
        (Identity(SAME.strategy, SAME.plan, SAME.archive, "c" * 64), "base"),
        (Identity(SAME.strategy, {"peak": 0.2, "more": 1}, SAME.archive, SAME.base), "more, peak, sizes"),
    ],
)
def test_another_training_is_refused_by_what_differs(other: Identity, named: str, tmp_path: Path) -> None:
    kept(tmp_path)
    with pytest.raises(TrainingDataRefused, match=f"its {named} differ"):
        State(tmp_path, other)
    assert State(tmp_path, SAME).note == NOTE


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"format": 99, "identity": {}, "note": {}}', b'{"format": 1}'])
def test_a_note_that_cannot_be_read_is_damage(damage: bytes, tmp_path: Path) -> None:
    kept(tmp_path)
    (tmp_path / RUN).write_bytes(damage)
    with pytest.raises(TrainingStateDamaged):
        State(tmp_path, SAME)


@pytest.mark.parametrize("cut", [None, 0, 9])
def test_a_named_file_that_is_gone_or_cut_is_damage(cut: int | None, tmp_path: Path) -> None:
    state = kept(tmp_path)
    path = tmp_path / "state-4.safetensors"
    whole = path.read_bytes()
    path.unlink()
    if cut is not None:
        path.write_bytes(whole[:cut])
    with pytest.raises(TrainingStateDamaged, match="state-4"):
        state.tensors("state-4.safetensors")


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(TrainingDataRefused, match="of no training"), workplace(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    with workplace(tmp_path / "run"), pytest.raises(TrainingBusy), workplace(tmp_path / "run"):
        pass
    with workplace(tmp_path / "run"):
        assert (tmp_path / "run" / LOCK).exists()


def test_nobody_else_may_read_the_folder(tmp_path: Path) -> None:
    with workplace(tmp_path / "run"):
        assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700


def test_what_is_written_is_json_and_safetensors_alone(tmp_path: Path) -> None:
    kept(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    assert json.loads((tmp_path / RUN).read_text())["identity"]["plan"] == {"peak": 0.1, "sizes": [1, 2]}
