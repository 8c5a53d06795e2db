"""`sidenote index sign` from the outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Run = Callable[..., Result]


def test_a_folder_that_is_no_archive_is_not_signed(run: Run, tmp_path: Path, secret: Path) -> None:
    refused = run("sign", tmp_path / "none", "--secret-file", secret)
    assert refused.exit_code == 3
    assert json.loads(refused.stderr.splitlines()[-1])["code"] == "bad_archive"


def test_without_a_secret_nothing_is_signed(run: Run, tmp_path: Path) -> None:
    refused = run("sign", tmp_path)
    assert refused.exit_code == 3
    assert json.loads(refused.stderr.splitlines()[-1])["code"] == "settings_invalid"
