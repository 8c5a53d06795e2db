"""What a model sees of each image is made once, goes on after a kill, and leaves out what cannot be decoded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval.errors import BadCase
from tools.med_vlm.adapting.examples.corpus import Corpus, Pair
from tools.med_vlm.adapting.examples.pictures import UNREADABLE, kept, shown
from tools.med_vlm.adapting.progress import Progress, silent
from tools.med_vlm.errors import TrainingDataRefused

F32 = NDArray[np.float32]
FILES = [Path(f"{number}.png") for number in range(150)]


class Reader:
    """Decodes a file whose name is its number; every seventh it cannot."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def __call__(self, path: Path) -> F32:
        number = int(path.stem)
        self.read.append(number)
        if number % 7 == 3:
            raise BadCase("image cannot be decoded")
        return np.full((4, 4), number / 200, dtype=np.float32)


def mean(image: F32) -> NDArray[np.uint8]:
    return np.array([round(float(image.mean()) * 200)], dtype=np.uint8)


def test_rows_stand_in_the_order_of_the_files(tmp_path: Path) -> None:
    found = kept(FILES, mean, tmp_path / "images", "one", read=Reader(), tell=silent)
    assert found.good.tolist() == [number % 7 != 3 for number in range(150)]
    assert found.rows[:, 0].tolist() == [number for number in range(150) if number % 7 != 3]


def test_a_killed_sitting_decodes_nothing_twice(tmp_path: Path) -> None:
    def die(progress: Progress) -> None:
        if progress.done == 64:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept(FILES, mean, tmp_path / "images", "one", read=Reader(), tell=die)
    second, told = Reader(), list[Progress]()
    found = kept(FILES, mean, tmp_path / "images", "one", read=second, tell=told.append)
    assert second.read == list(range(64, 150))
    assert found.rows[:, 0].tolist() == [number for number in range(150) if number % 7 != 3]
    assert [(one.phase, one.done, one.total) for one in told] == [("images", 128, 150), ("images", 150, 150)]


def test_under_another_mark_everything_is_made_anew(tmp_path: Path) -> None:
    kept(FILES, mean, tmp_path / "images", "one", read=Reader(), tell=silent)
    again = Reader()
    kept(FILES, mean, tmp_path / "images", "other", read=again, tell=silent)
    assert len(again.read) == 150


def test_cases_without_an_image_are_left_out_and_counted(
    tmp_path: Path, pair_of: Callable[..., Pair], corpus_of: Callable[..., Corpus]
) -> None:
    train = [pair_of(number, image=Path(f"{number}.png")) for number in range(10)]
    held_out = [pair_of(11, image=Path("11.png"))]
    seen = shown(corpus_of(train, held_out), mean, tmp_path, "m", read=Reader(), tell=silent)
    assert seen.corpus.left_out == {UNREADABLE: 1}
    assert [pair.line for pair in seen.corpus.pairs["train"]] == [number for number in range(10) if number != 3]
    assert seen.rows["train"][:, 0].tolist() == [number for number in range(10) if number != 3]
    assert seen.rows["held_out"][:, 0].tolist() == [11]


def test_a_part_without_a_readable_image_is_refused(tmp_path: Path, pair_of: Callable[..., Pair], corpus_of: Callable[..., Corpus]) -> None:
    with pytest.raises(TrainingDataRefused, match="held_out"):
        shown(
            corpus_of([pair_of(0, image=Path("0.png"))], [pair_of(3, image=Path("3.png"))]), mean, tmp_path, "m", read=Reader(), tell=silent
        )
