"""Rendering once, and going on after a kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from tools.med_vlm.compact.examples.example import TrainingExample
from tools.med_vlm.compact.examples.store import LEFT, RIGHT, joined, picked, render, spread_sample
from tools.med_vlm.compact.heads import KEYS
from tools.med_vlm.errors import TrainingDataRefused

Source = Callable[[Sequence[int]], Iterator[TrainingExample]]


def _source(numbers: Sequence[int]) -> Iterator[TrainingExample]:
    for number in numbers:
        image = np.random.default_rng(number).random((70, 90), dtype=np.float32)
        mask = np.zeros((70, 90), dtype=np.bool_)
        mask[60:, :40] = True
        labels = {} if number % 2 else {"pleural_effusion": "bilateral" if number % 4 else "right"}
        yield TrainingExample(number, image, labels, {"pleural_effusion": mask} if labels else {}, ("Words.",))  # type: ignore[arg-type]  # literal sides


def test_keeps_labels_sides_masks_and_words(tmp_path: Path) -> None:
    store = render(_source, range(4), 64, tmp_path / "store")
    head = KEYS.index("pleural_effusion")
    assert store.present[:, head].tolist() == [1, 0, 1, 0]
    assert store.sides[:, head].tolist() == [RIGHT, 0, RIGHT | LEFT, 0]
    assert store.masks[0, head].max() == 255
    assert store.masks[1].max() == 0
    assert store.sentences == (("Words.",),) * 4
    assert store.meanings[1] == store.meanings[3] != store.meanings[0]


def test_a_killed_rendering_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    def dies(numbers: Sequence[int]) -> Iterator[TrainingExample]:
        yield from _source(numbers[:3])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(dies, range(8), 64, tmp_path / "a")
    asked: list[int] = []
    resumed = render(lambda numbers: (asked.extend(numbers), _source(numbers))[1], range(8), 64, tmp_path / "a")
    whole = render(_source, range(8), 64, tmp_path / "b")
    assert asked == [3, 4, 5, 6, 7]
    assert np.array_equal(resumed.images, whole.images)
    assert resumed.sentences == whole.sentences


def test_refuses_a_folder_with_another_corpus(tmp_path: Path) -> None:
    render(_source, range(4), 64, tmp_path / "a")
    with pytest.raises(TrainingDataRefused):
        render(_source, range(4, 8), 64, tmp_path / "a")


def test_refuses_a_source_that_gives_too_few(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataRefused, match="2 of 4"):
        render(lambda numbers: _source(numbers[:2]), range(4), 64, tmp_path / "a")


def test_the_store_sees_what_the_reader_sees(tmp_path: Path) -> None:
    from tools.med_vlm.compact.preprocess import prepare

    store = render(_source, [5], 64, tmp_path / "a")
    (example,) = _source([5])
    assert np.array_equal(store.images[0], (prepare(example.image, 64)[0] * 255).round().numpy())


def test_joined_stores_keep_their_meanings_apart_and_repeat_the_second(tmp_path: Path) -> None:
    first, second = render(_source, range(4), 64, tmp_path / "a"), render(_source, range(4, 6), 64, tmp_path / "b")
    both = joined(first, second, 2)
    assert len(both) == 8
    assert np.array_equal(both.images[4:6], both.images[6:8])
    assert both.meanings[4:].tolist() == both.meanings[[4, 5, 4, 5]].tolist()
    assert not set(both.meanings[:4].tolist()) & set(both.meanings[4:].tolist())
    assert both.sentences[4:6] == second.sentences


def test_what_nobody_stated_is_kept_as_unknown(tmp_path: Path) -> None:
    def partly(numbers: Sequence[int]) -> Iterator[TrainingExample]:
        image = np.random.default_rng(0).random((70, 70), dtype=np.float32)
        for number in numbers:
            yield TrainingExample(number, image, {}, {}, (), known=frozenset({"nodule"}), domain="radiograph")

    store = render(partly, range(2), 64, tmp_path / "a")
    assert store.known[0].tolist() == [int(key == "nodule") for key in KEYS]
    assert store.domains.tolist() == [1, 1]
    assert store.meanings[0] != store.meanings[1]


def test_picked_rows_stay_together(tmp_path: Path) -> None:
    store = render(_source, range(6), 64, tmp_path / "a")
    some = picked(store, np.array([1, 4]))
    assert np.array_equal(some.images, store.images[[1, 4]])
    assert np.array_equal(some.present, store.present[[1, 4]])
    assert some.meanings.tolist() == store.meanings[[1, 4]].tolist()
    assert some.sentences == (store.sentences[1], store.sentences[4])


def test_a_sample_is_seeded_and_without_repeats() -> None:
    rows = spread_sample(50, 20, 7)
    assert len(set(rows.tolist())) == 20
    assert np.array_equal(rows, spread_sample(50, 20, 7))
    assert np.array_equal(spread_sample(5, 20, 7), np.arange(5))
