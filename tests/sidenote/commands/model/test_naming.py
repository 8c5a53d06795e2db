"""How a command names a model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result


@pytest.mark.parametrize("command", ["info", "card", "check"])
def test_a_name_that_there_is_not_is_refused_with_those_that_there_are(site: Callable[..., Result], command: str) -> None:
    done = site(command, "medgemma")
    assert done.exit_code == 3
    document = json.loads(done.stderr)
    assert document["code"] == "settings_invalid"
    assert "compact, lingshu" in document["detail"]


def test_the_compact_models_folder_is_no_other_models(site: Callable[..., Result], tmp_path: Path) -> None:
    done = site("info", "lingshu", "--folder", str(tmp_path))
    assert done.exit_code == 2
    assert "--folder is for the compact model" in done.stderr


def test_a_model_is_named_by_its_table(site: Callable[..., Result]) -> None:
    assert site("info", "lingshu").exit_code == 0
