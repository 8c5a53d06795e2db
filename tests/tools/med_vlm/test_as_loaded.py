"""The model that answers is the one whose files were checked: nothing that happens to them goes unseen (FAULTS 68)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tools.med_vlm.as_loaded import AsLoaded, standing
from tools.med_vlm.asked import Asked, asked_of
from tools.med_vlm.asking.questions import question
from tools.med_vlm.backends import local
from tools.med_vlm.backends.local import open_local, opening
from tools.med_vlm.catalogue import open_model, open_uncalibrated
from tools.med_vlm.deadline import within
from tools.med_vlm.doubles.scripted import ScriptedModel
from tools.med_vlm.errors import ModelFilesChanged, ModelFormatRefused, ModelTimedOut
from tools.med_vlm.identity import identified, pins
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Answered, Prompt, Question

ASKED = asked_of(np.random.default_rng(0).random((60, 44), dtype=np.float32))
ASK = [question("nodule")]
REPORT = Prompt("", "Describe.", most_tokens=4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "model.safetensors").write_bytes(b"numbers")
    (made / "config.json").write_bytes(b"{}")
    (made / "README.md").write_bytes(b"words")
    return made


def rewritten(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"humbers")


def written_back_at_the_old_time(folder: Path) -> None:
    path = folder / "model.safetensors"
    times = path.stat()
    path.write_bytes(b"humbers")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def exchanged(folder: Path) -> None:
    (folder.parent / "other").write_bytes(b"numbers")
    (folder.parent / "other").replace(folder / "model.safetensors")


def come(folder: Path) -> None:
    (folder / "added_tokens.json").write_bytes(b"{}")


def gone(folder: Path) -> None:
    (folder / "config.json").unlink()


CHANGES = [rewritten, written_back_at_the_old_time, exchanged, come, gone, shutil.rmtree]


@pytest.mark.fault(68)
@pytest.mark.parametrize("change", CHANGES)
def test_no_answer_is_given_once_a_file_was_touched(change: Callable[[Path], Any], folder: Path) -> None:
    model = AsLoaded(ScriptedModel(scripts=[["A report."]]), standing(folder, None))
    assert model.choose(ASKED, ASK)
    assert model.write(ASKED, REPORT)
    change(folder)
    for ask in (lambda: model.choose(ASKED, ASK), lambda: model.write(ASKED, REPORT)):
        with pytest.raises(ModelFilesChanged) as refused:
            ask()
        assert str(folder) not in str(refused.value)


@pytest.mark.fault(68)
def test_an_answer_that_a_file_changed_under_is_not_given(folder: Path) -> None:
    class Exchanging(ScriptedModel):
        def choose(self, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
            rewritten(folder)
            return super().choose(asked, questions)

    with pytest.raises(ModelFilesChanged, match=r"model\.safetensors"):
        AsLoaded(Exchanging(), standing(folder, None)).choose(ASKED, ASK)


def test_what_no_answer_depends_on_may_come_and_change_and_be_read(folder: Path) -> None:
    model = AsLoaded(ScriptedModel(), standing(folder, None))
    (folder / "README.md").write_bytes(b"other words")
    (folder / "figure.png").write_bytes(b"x")
    assert (folder / "model.safetensors").read_bytes()
    assert model.choose(ASKED, ASK) == ScriptedModel().choose(ASKED, ASK)
    assert (model.name, model.fingerprint, model.writes) == (ScriptedModel.name, ScriptedModel.fingerprint, False)


@pytest.mark.fault(68)
def test_the_base_models_files_count_too_and_a_pickle_that_comes_is_refused(folder: Path) -> None:
    source = folder.parent / "adapter"
    source.mkdir()
    (source / "adapter.safetensors").write_bytes(b"a few")
    model = AsLoaded(ScriptedModel(), standing(source, folder))
    assert model.choose(ASKED, ASK)
    (source / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelFormatRefused):
        model.choose(ASKED, ASK)
    (source / "pytorch_model.bin").unlink()
    rewritten(folder)
    with pytest.raises(ModelFilesChanged, match=r"base/model\.safetensors"):
        model.choose(ASKED, ASK)


@pytest.mark.fault(66)
def test_nothing_is_asked_for_a_reading_whose_time_is_over(folder: Path) -> None:
    model = ScriptedModel()
    with pytest.raises(ModelTimedOut), within(0):
        AsLoaded(model, standing(folder, None)).choose(ASKED, ASK)
    assert model.chosen == []


@pytest.fixture
def llava(tiny: Callable[..., Path], tmp_path: Path) -> ModelSpec:
    made = tiny("llava", tmp_path / "llava")
    return ModelSpec(name="tiny", backend="transformers", source=str(made), licence="mit", files=pins(made), device="cpu")


def zeroed(folder: Path) -> None:
    """Weights of nought, written over the file as a copy would be."""
    path = folder / "model.safetensors"
    held = path.read_bytes()
    head = 8 + int.from_bytes(held[:8], "little")
    with path.open("r+b") as file:
        file.seek(head)
        file.write(bytes(len(held) - head))


@pytest.mark.fault(68)
def test_a_folder_exchanged_between_hashing_and_loading_is_refused_though_it_was_put_back(
    llava: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(spec: ModelSpec) -> Any:
        weights = Path(spec.source) / "model.safetensors"
        kept = weights.read_bytes()
        zeroed(Path(spec.source))
        try:
            return opening.load_local(spec, identified(llava.model_copy(update={"files": pins(Path(spec.source))})))
        finally:
            weights.write_bytes(kept)

    monkeypatch.setattr(local, "open_local", opened)
    with pytest.raises(ModelFilesChanged, match=r"model\.safetensors"):
        open_model(llava)


@pytest.mark.fault(68)
def test_weights_that_are_written_over_later_change_a_loaded_model_and_it_answers_no_more(llava: ModelSpec) -> None:
    reader = open_uncalibrated(llava)
    bare, before = open_local(llava), reader.probabilities(ASKED)
    zeroed(Path(llava.source))
    assert bare.choose(ASKED, ASK)[0].probabilities["yes"] != before["nodule"], "else this guards against nothing"
    with pytest.raises(ModelFilesChanged):
        reader.probabilities(ASKED)
    with pytest.raises(ModelFilesChanged):
        reader.read(ASKED)


@pytest.mark.fault(68)
def test_a_link_that_comes_to_point_elsewhere_changes_nothing(llava: ModelSpec, tmp_path: Path) -> None:
    link = tmp_path / "current"
    link.symlink_to(llava.source)
    reader = open_uncalibrated(llava.model_copy(update={"source": str(link)}))
    before = reader.probabilities(ASKED)
    link.unlink()
    link.symlink_to(tmp_path)
    assert reader.probabilities(ASKED) == before
    assert open_uncalibrated(llava).fingerprint == reader.fingerprint
