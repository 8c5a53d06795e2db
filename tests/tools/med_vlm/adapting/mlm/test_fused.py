"""What the models that fuse words and regions share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tools.med_vlm.adapting.loading import source_of
from tools.med_vlm.adapting.mlm.fused import WORD_FILES, copy_words, padded, vocabulary_of
from tools.med_vlm.backends.matchers.medvill import ALIGNED as MEDVILLS
from tools.med_vlm.backends.matchers.visualbert import ALIGNED as VISUALBERTS
from tools.med_vlm.backends.matchers.words import read_words


def test_rows_are_filled_up_on_the_right() -> None:
    assert padded([[5, 6], [7]], 0).tolist() == [[5, 6], [7, 0]]
    assert padded([[5]], 9, 3).tolist() == [[5, 9, 9]]


def test_both_fused_models_number_belonging_alike() -> None:
    assert MEDVILLS == VISUALBERTS


@pytest.mark.parametrize("kind", ["visualbert_pretraining", "medvill"])
def test_the_word_pieces_that_go_with_adapted_weights_are_the_models_own(
    kind: str, checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    source = source_of(str(checkpoint(kind)))
    copy_words(source, tmp_path)
    copied = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert copied
    assert copied == {name: source.folder.file(name).read_bytes() for name in WORD_FILES if source.folder.has(name)}


def test_the_frame_of_a_text_is_never_hidden(checkpoint: Callable[[str], Path]) -> None:
    words = read_words((source_of(str(checkpoint("visualbert_pretraining"))).folder,))
    made = vocabulary_of(words, 99)
    framed = words.framed("The heart is enlarged.", 20)
    assert {framed[0], framed[-1], words.pad, words.mask} == set(made.special)
    assert (made.size, made.mask) == (99, words.mask)
