"""Word pieces by `tokenizer.json` and by `vocab.txt`, held to Hugging Face's `BertTokenizer`; and what of them is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from retrieval.encoders.folder import ModelFolder
from tools.med_vlm.backends.matchers.words import read_words
from tools.med_vlm.errors import CheckpointRefused

TEXTS = ("Large LEFT pleural effusion.", "no pneumothorax, no nodule", "Œdème é 3 cm", "")


@pytest.mark.parametrize("kind", ["medvill", "medvill_retrieval"])
@pytest.mark.parametrize("text", TEXTS)
def test_pieces_are_those_of_bert(kind: str, text: str, published: Callable[[str], Path]) -> None:
    from transformers import BertTokenizer

    folder = published(kind)
    theirs = BertTokenizer(vocab=str(published("medvill_retrieval") / "vocab.txt"))
    words = read_words((ModelFolder(folder),))
    assert words.framed(text, 64) == theirs(text)["input_ids"]
    assert words.pieces(text) == theirs(text)["input_ids"][1:-1]
    assert [words.cls, words.sep, words.mask, words.pad] == theirs.convert_tokens_to_ids(["[CLS]", "[SEP]", "[MASK]", "[PAD]"])


def test_a_long_text_loses_its_end_and_keeps_its_frame(published: Callable[[str], Path]) -> None:
    words = read_words((ModelFolder(published("medvill")),))
    made = words.framed("effusion " * 50, 10)
    assert len(made) == 10
    assert (made[0], made[-1]) == (words.cls, words.sep)


def test_a_vocabulary_is_lower_case_unless_its_settings_say_otherwise(changed: Callable[..., Path]) -> None:
    folder = changed("medvill_retrieval")
    lower = read_words((ModelFolder(folder),)).pieces("Effusion")
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))
    assert read_words((ModelFolder(folder),)).pieces("Effusion") != lower


def test_word_pieces_of_another_model_are_refused(published: Callable[[str], Path]) -> None:
    words = read_words((ModelFolder(published("medvill")),))
    size = len((published("medvill_retrieval") / "vocab.txt").read_text().splitlines())
    assert words.fitting(size) is words
    with pytest.raises(CheckpointRefused, match="another model"):
        words.fitting(size - 1)


def test_the_first_folder_that_has_word_pieces_gives_them(published: Callable[[str], Path], tmp_path: Path) -> None:
    words = read_words((ModelFolder(tmp_path), None, ModelFolder(published("medvill"))))
    assert words.pieces("effusion") == read_words((ModelFolder(published("medvill")),)).pieces("effusion")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (None, "", r"neither tokenizer\.json nor vocab\.txt"),
        ("tokenizer.json", "{}", "cannot be read"),
        ("vocab.txt", "[UNK]\n[CLS]\n[SEP]\neffusion\n", "lack"),
    ],
)
def test_a_folder_without_whole_word_pieces_is_refused(name: str | None, content: str, says: str, tmp_path: Path) -> None:
    if name:
        (tmp_path / name).write_text(content)
    with pytest.raises(CheckpointRefused, match=says):
        read_words((ModelFolder(tmp_path),))
