"""`sidenote model backends`, `pin` and `convert`."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tools.med_vlm.catalogue import BACKENDS


def test_every_back_end_is_named_with_what_it_runs(site: Callable[..., Result]) -> None:
    lines = site("backends").output.splitlines()
    assert [line.split()[0] for line in lines] == list(BACKENDS)
    assert all(len(line.split()) > 1 for line in lines)


def test_the_pins_are_a_table_of_the_files_that_answers_depend_on(site: Callable[..., Result], tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    done = site("pin", str(folder))
    assert done.exit_code == 0, done.output
    pins = tomllib.loads(done.output)["model"]["files"]
    assert pins["model.safetensors"] == hashlib.sha256(b"weights").hexdigest()
    assert "config.json" in pins


@pytest.mark.fault(118)
def test_a_folder_with_pickled_weights_is_not_pinned(site: Callable[..., Result], tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "pytorch_model.bin").write_bytes(b"weights")
    done = site("pin", str(folder))
    assert done.exit_code == 3
    assert json.loads(done.stderr)["code"] == "model_format_refused"


def test_a_layout_that_nobody_publishes_is_usage(site: Callable[..., Result], tmp_path: Path) -> None:
    done = site("convert", "word", str(tmp_path), str(tmp_path / "out"))
    assert done.exit_code == 2
    assert "one of " in done.stderr
