"""`sidenote model train …` from the outside: what is asked reaches the plan, what came of it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sidenote.commands.model.adapting import given, progress_words
from tools.med_vlm.adapting.progress import Progress


@pytest.mark.parametrize("strategy", ["contrastive", "mlm", "lora", "distil"])
def test_a_strategy_explains_itself(site: Callable[..., Result], strategy: str) -> None:
    shown = site("train", strategy, "--help")
    assert shown.exit_code == 0
    for option in ("--base", "--out", "--held-out", "--noncommercial", "ARCHIVE"):
        assert option in shown.output


def test_only_what_was_given_reaches_the_plan() -> None:
    assert given({"epochs": None, "seed": 0, "consents": (), "noncommercial": None, "base": "x"}) == {"seed": 0, "base": "x"}


def test_an_archive_that_is_none_is_refused(site: Callable[..., Result], tmp_path: Path) -> None:
    done = site("train", "contrastive", str(tmp_path), "--out", str(tmp_path / "out"), "--base", "compact")
    assert done.exit_code == 3
    assert json.loads(done.stderr)["code"] == "bad_archive"


def test_a_number_that_no_training_can_have_is_refused_by_name(site: Callable[..., Result], tmp_path: Path) -> None:
    done = site("train", "contrastive", str(tmp_path), "--out", str(tmp_path / "out"), "--base", "compact", "--epochs", "0")
    assert done.exit_code == 3
    assert "this epochs" in json.loads(done.stderr)["detail"]


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress("training", 1, 10, 0.0, None), ""),
        (Progress("training", 1, 10, 12.34, 30.0, 0.5), "12.3/s, 30 s left, loss 0.500"),
        (Progress("images", 1, 10, 100.0, 600.0), "100.0/s, 10 min left"),
        (Progress("training", 1, 10, 1.0, 9.0, 0.5, held_out=0.75), "1.0/s, 9 s left, loss 0.500, held out 0.750"),
    ],
)
def test_progress_says_rate_time_left_and_losses_as_far_as_they_are_known(progress: Progress, words: str) -> None:
    assert progress_words(progress) == words
