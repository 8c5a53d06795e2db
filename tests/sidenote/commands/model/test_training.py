"""`sidenote model train` from the outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sidenote.commands.model.training import compact, train
from tools.med_vlm.compact.files import load_card


def test_every_strategy_stands_under_one_command() -> None:
    assert set(train.commands) == {"compact", "contrastive", "mlm", "lora", "distil"}


def test_the_command_on_the_shipped_card_is_understood_and_its_seed_is_the_usual_one(kit: Path) -> None:
    made = load_card().training
    typed = made.command.removeprefix("sidenote model train compact ").replace("INDEX", str(kit / "images.jsonl")).split()
    given = compact.make_context("compact", typed).params
    assert (given["count"], given["epochs"], given["seed"]) == (made.train, made.epochs, made.seed)
    assert given["seed"] == next(option.default for option in compact.params if option.name == "seed")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--count", "3"), "--count"),
        (("--epochs", "1"), "--epochs"),
        (("--threads", "0"), "--threads"),
        (("--radiographs", "none.jsonl"), "does not exist"),
    ],
)
def test_what_cannot_train_is_usage(site: Callable[..., Result], arguments: tuple[str, ...], words: str) -> None:
    done = site("train", "compact", *arguments)
    assert done.exit_code == 2
    assert words in done.stderr


def test_an_index_that_is_none_is_refused_before_anything_is_drawn(site: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "index.jsonl").write_text("no line of an index\n")
    done = site("train", "compact", "--quick", "--radiographs", str(tmp_path / "index.jsonl"), "--work", str(tmp_path / "work"))
    assert done.exit_code == 3
    assert "training_data_refused" in done.stderr
    assert not (tmp_path / "work").exists()
