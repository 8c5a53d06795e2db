"""What all strategies do alike: a folder is of one training, what cannot be decoded is out of it, and what is over is over."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from retrieval.archive.cases import read_image
from retrieval.errors import BadArchive, BadCase
from tools.med_vlm.adapting.examples.corpus import Split
from tools.med_vlm.adapting.examples.pictures import UNREADABLE
from tools.med_vlm.adapting.plan import Plan
from tools.med_vlm.adapting.progress import silent
from tools.med_vlm.adapting.training.adapted import MODEL, Adapted, Base
from tools.med_vlm.adapting.training.course import Course
from tools.med_vlm.adapting.training.loop import Rows, Taught
from tools.med_vlm.errors import TrainingDataRefused

BASE = Base(name="tiny", fingerprint="f" * 64, licence="MIT")
PLAN = Plan(batch=8, epochs=2, peak=0.1, held_out=0.3)


class Mean:
    """Implements `loop.Lesson`: one number learns the brightness of the images."""

    share: int | None = None

    def __init__(self, rows: Mapping[Split, NDArray[Any]]) -> None:
        self.model = torch.nn.Linear(1, 1, bias=False)
        self._rows = {part: torch.from_numpy(np.asarray(some, dtype=np.float32)) for part, some in rows.items()}
        self.examples, self.held_out = len(rows["train"]), len(rows["held_out"])

    def teach(self, rows: Rows, random: torch.Generator) -> Taught:
        return self._taught("train", rows)

    def examine(self, rows: Rows, random: torch.Generator) -> Taught:
        return self._taught("held_out", rows)

    def _taught(self, part: Split, rows: Rows) -> Taught:
        wanted = self._rows[part][rows][:, None]
        return Taught((self.model(torch.ones_like(wanted)) - wanted).square().sum(), len(rows))


def brightness(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(image.mean(), dtype=np.float32)


def course(archive: Path, folder: Path, plan: Plan = PLAN, base: str = BASE.fingerprint, **more: Any) -> Course:
    folder.mkdir(exist_ok=True)
    return Course("mean", plan, archive, folder, base, tell=silent, read=more.get("read", read_image))


def finished(archive: Path, folder: Path) -> Adapted:
    begun = course(archive, folder)
    assert begun.done is None
    trained = begun.train(Mean(begun.shown(brightness, "mean").rows))
    (folder / MODEL).mkdir()
    (folder / MODEL / "weights").write_bytes(b"1")
    return begun.finish(BASE, trained, measured=({"recall": 0.1}, {"recall": 0.2}), taught_by="a teacher, MIT")


def test_a_training_runs_from_the_archive_to_its_record_and_is_over_when_it_is_begun_again(archive: Path, tmp_path: Path) -> None:
    told = finished(archive, tmp_path / "work")
    assert (told.strategy, told.base, told.taught_by, list(told.files)) == ("mean", BASE, "a teacher, MIT", ["weights"])
    assert told.after["loss"] < told.before["loss"]
    assert (told.before["recall"], told.after["recall"]) == (0.1, 0.2)
    assert course(archive, tmp_path / "work").done == told


@pytest.mark.parametrize(
    ("changes", "differs"),
    [({"plan": Plan(batch=8, epochs=3, peak=0.1, held_out=0.3)}, "epochs"), ({"base": "e" * 64}, "base")],
    ids=["plan", "base"],
)
def test_another_training_is_kept_out_of_the_folder(archive: Path, tmp_path: Path, changes: dict[str, Any], differs: str) -> None:
    course(archive, tmp_path / "work")
    with pytest.raises(TrainingDataRefused, match=differs):
        course(archive, tmp_path / "work", **changes)


def test_images_that_cannot_be_decoded_are_out_of_the_corpus_and_counted(archive: Path, tmp_path: Path) -> None:
    def read(path: Path) -> NDArray[np.float32]:
        if path.name == "3.png":
            raise BadCase("the image cannot be decoded")
        return read_image(path)

    begun = course(archive, tmp_path / "work", read=read)
    before = sum(map(len, begun.corpus.pairs.values()))
    seen = begun.shown(brightness, "mean")
    assert seen.corpus is begun.corpus
    assert sum(map(len, begun.corpus.pairs.values())) == before - 1
    assert begun.corpus.left_out[UNREADABLE] == 1


def test_without_an_archive_nothing_is_begun(tmp_path: Path) -> None:
    with pytest.raises(BadArchive):
        course(tmp_path / "nothing", tmp_path / "work")
    assert not any((tmp_path / "work").iterdir())
