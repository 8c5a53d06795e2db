"""A site with a model of its own, served by nobody: what needs no answer from it can be tried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

TABLE = """
[[model]]
name = "lingshu"
backend = "openai"
source = "http://127.0.0.1:9/v1"
served_model = "lingshu-7b"
licence = "MIT"
youngest = 18
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `sidenote model` with this configuration, and more of it where given."""
    from sidenote.commands.model import model

    def run(*arguments: str, more: str = "") -> Result:
        file = tmp_path / "sidenote.toml"
        file.write_text(TABLE + more)
        monkeypatch.setenv("SIDENOTE_CONFIG", str(file))
        monkeypatch.setenv("SIDENOTE_HOME", str(tmp_path / "home"))
        return CliRunner().invoke(model, arguments)

    return run
