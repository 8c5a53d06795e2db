"""A teacher is asked about each image once; what it answered is kept through a kill."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fhir.codes import FINDINGS
from tools.med_vlm.adapting.distil.teaching import KEYS, Teacher, ask
from tools.med_vlm.adapting.examples.corpus import Pair
from tools.med_vlm.adapting.progress import Progress, silent
from tools.med_vlm.asked import Asked
from tools.med_vlm.doubles.fake import SeededReader
from tools.med_vlm.errors import ImageRefused, ModelTimedOut, TrainingStateDamaged
from tools.med_vlm.reading import Reader

F32 = NDArray[np.float32]


class Counting(SeededReader):
    """A seeded double that counts, refuses an image or stops answering."""

    def __init__(self, refuses: frozenset[int] = frozenset(), stops: int | None = None) -> None:
        self.asked = 0
        self._refuses, self._stops = refuses, stops

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        number = round(float(asked.focal.pixels[0, 0]) * 200)
        if self._stops is not None and number >= self._stops:
            raise ModelTimedOut("late")
        if number in self._refuses:
            raise ImageRefused("odd")
        self.asked += 1
        told = super().probabilities(asked)
        return {key: value for key, value in told.items() if key != "nodule"}


def read(path: Path) -> F32:
    return (np.arange(70 * 70).reshape(70, 70) % 7 / 100 + int(path.stem) / 200).astype(np.float32)


def embed(images: Sequence[F32]) -> F32:
    if round(float(images[0][0, 0]) * 200) == 5:
        raise ImageRefused("odd")
    return np.stack([np.array([float(image[0, 0]), 1.0], dtype=np.float32) for image in images])


@pytest.fixture
def pairs(pair_of: Callable[..., Pair]) -> list[Pair]:
    return [pair_of(number, image=Path(f"{number}.png")) for number in range(70)]


def test_rows_are_the_teachers_answers_in_order(pairs: list[Pair], tmp_path: Path) -> None:
    teacher = Counting(frozenset({4}))
    answers = ask(Teacher(teacher, embed), pairs, tmp_path / "teacher", "m", read=read, tell=silent)
    assert answers.probabilities.shape == (70, len(FINDINGS))
    assert np.isnan(answers.probabilities[:, KEYS.index("nodule")]).all()
    assert answers.answered.tolist() == [number != 4 for number in range(70)]
    (expected,) = (SeededReader().probabilities(asked) for asked in [_asked(pairs[9])])
    assert answers.probabilities[9, 0] == np.float32(expected[KEYS[0]])
    assert answers.embeddings is not None
    assert np.isnan(answers.embeddings[5]).all()
    assert answers.embeddings[9].tolist() == [np.float32(9 / 200), 1.0]


def _asked(pair: Pair) -> Asked:
    from tools.med_vlm.adapting.examples.asked import asked_about

    return asked_about(pair, read(pair.image))


def test_a_teacher_that_stops_answering_loses_one_block_at_most(pairs: list[Pair], tmp_path: Path) -> None:
    with pytest.raises(ModelTimedOut):
        ask(Teacher(Counting(stops=40)), pairs, tmp_path / "teacher", "m", read=read, tell=silent)
    again, told = Counting(), list[Progress]()
    answers = ask(Teacher(again), pairs, tmp_path / "teacher", "m", read=read, tell=told.append)
    assert again.asked == 38
    assert [(one.phase, one.done, one.total) for one in told] == [("teacher", 64, 70), ("teacher", 70, 70)]
    whole = ask(Teacher(Counting()), pairs, tmp_path / "other", "m", read=read, tell=silent)
    assert np.array_equal(answers.probabilities, whole.probabilities, equal_nan=True)


def test_a_model_over_http_teaches_what_it_sees(reader_over_http: Reader, pairs: list[Pair], tmp_path: Path) -> None:
    some = [pairs[number] for number in (0, 30, 60)]
    answers = ask(Teacher(reader_over_http, askers=3), some, tmp_path / "teacher", "m", read=read, tell=silent)
    effusion = answers.probabilities[:, KEYS.index("pleural_effusion")]
    assert effusion.tolist() == pytest.approx([float(read(pair.image).mean()) for pair in some], abs=0.01)


def test_answers_under_another_mark_are_asked_for_again(pairs: list[Pair], tmp_path: Path) -> None:
    ask(Teacher(Counting()), pairs[:3], tmp_path / "teacher", "m", read=read, tell=silent)
    again = Counting()
    ask(Teacher(again), pairs[:3], tmp_path / "teacher", "n", read=read, tell=silent)
    assert again.asked == 3


def test_many_askers_change_no_answer(pairs: list[Pair], tmp_path: Path) -> None:
    one, four = (
        ask(Teacher(SeededReader(), askers=count), pairs[:40], tmp_path / f"{count}", "m", read=read, tell=silent) for count in (1, 4)
    )
    assert np.array_equal(one.probabilities, four.probabilities)
    assert one.embeddings is None


def test_a_kept_file_that_was_cut_is_damage(pairs: list[Pair], tmp_path: Path) -> None:
    ask(Teacher(SeededReader()), pairs[:3], tmp_path / "teacher", "m", read=read, tell=silent)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(TrainingStateDamaged):
        ask(Teacher(SeededReader()), pairs[:3], tmp_path / "teacher", "m", read=read, tell=silent)


def test_nobody_to_ask_about_is_nobody_to_ask(tmp_path: Path) -> None:
    assert ask(Teacher(SeededReader()), [], tmp_path / "teacher", "m", read=read, tell=silent).probabilities.shape == (0, len(FINDINGS))


def test_a_teacher_with_embeddings_is_another_teacher() -> None:
    assert Teacher(SeededReader()).fingerprint != Teacher(SeededReader(), embed).fingerprint
