"""The record of an adaptation says what it came from, and holds nothing of a case."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.med_vlm.adapting.examples.corpus import Corpus, Pair
from tools.med_vlm.adapting.training.adapted import MODEL, Base, finish, finished
from tools.med_vlm.adapting.training.loop import Examined, Trained
from tools.med_vlm.adapting.training.state import Identity

IDENTITY = Identity("lora", {"rank": 4}, "f" * 64, "b" * 64)
BASE = Base(name="reader", fingerprint="b" * 64, licence="mit")
EXAMINED = (Examined(0, 3.0, {"right": 0.1}), Examined(4, 1.0, {"right": 0.8}), Examined(8, 2.0, {"right": 0.5}))


def test_what_is_written_is_what_is_found_again(tmp_path: Path, pair_of: Callable[..., Pair], corpus_of: Callable[..., Corpus]) -> None:
    (tmp_path / MODEL / "part").mkdir(parents=True)
    (tmp_path / MODEL / "part" / "weights").write_bytes(b"numbers")
    for name in ("images-train.npy", "state-8.safetensors", "best-4.safetensors", "run.json"):
        (tmp_path / name).write_bytes(b"")
    corpus = corpus_of([pair_of(1, person=1), pair_of(2, person=1)], [pair_of(3, person=2)])
    assert finished(tmp_path) is None
    made = finish(
        tmp_path, BASE, corpus, IDENTITY, Trained(8, (2.5, 1.5), EXAMINED, 4), measured=({"x": 0.0}, {"x": 1.0}), taught_by="a, mit"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"model", "adapted.json", "run.json"}
    (tmp_path / "images-train.npy").write_bytes(b"")  # of a kill at the last moment
    assert finished(tmp_path) == made
    assert not (tmp_path / "images-train.npy").exists()
    assert made.files == {"part/weights": hashlib.sha256(b"numbers").hexdigest()}
    assert (made.data.cases, made.data.persons) == ({"train": 2, "held_out": 1}, {"train": 1, "held_out": 1})
    assert made.before == {"loss": 3.0, "right": 0.1, "x": 0.0}
    assert made.after == {"loss": 1.0, "right": 0.8, "x": 1.0}
    assert made.taught_by == "a, mit"
    assert "torch" in made.versions


def test_without_held_out_persons_nothing_is_claimed(
    tmp_path: Path, pair_of: Callable[..., Pair], corpus_of: Callable[..., Corpus]
) -> None:
    made = finish(tmp_path, BASE, corpus_of([pair_of(1)]), IDENTITY, Trained(2, (1.0,), (), 2))
    assert (made.before, made.after) == ({}, {})


def test_a_record_of_another_form_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "adapted.json").write_text("{}")
    with pytest.raises(ValueError, match="validation errors"):
        finished(tmp_path)
