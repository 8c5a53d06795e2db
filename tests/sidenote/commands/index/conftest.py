"""A small library of phantoms, an archive of cases, and `sidenote index` as a function."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from sidenote.commands.index import index

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def run() -> Run:
    def runner(*arguments: object) -> Result:
        return CliRunner().invoke(index, [str(argument) for argument in arguments])

    return runner


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """Thirty phantoms by the hash encoder. Tests that change it work on a copy."""
    folder = tmp_path_factory.mktemp("phantoms") / "library"
    result = run("build", "--phantoms", 30, "--encoder", "hash", "--library", folder, "--format", "json")
    assert result.exit_code == 0, result.stderr
    assert "30/30" in result.stderr
    assert json.loads(result.stdout)["cases"] == 30
    return folder


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """File with a site secret."""
    path = tmp_path / "secret"
    path.write_bytes(b"a secret of sixteen bytes or more\n")
    return path


@pytest.fixture
def write_archive() -> Callable[..., Path]:
    """`write_archive(folder, numbers)`: cases of these numbers, one person each."""

    def written(folder: Path, numbers: range, **changes: Any) -> Path:
        folder.mkdir()
        lines = []
        for number in numbers:
            grey = np.random.default_rng(number).integers(0, 256, (64, 64)).astype(np.uint8)
            Image.fromarray(grey).save(folder / f"{number}.png")
            lines.append(_line(number) | changes)
        (folder / "cases.jsonl").write_text("\n".join(map(json.dumps, lines)))
        return folder

    return written


def _line(number: int) -> dict[str, Any]:
    words = " ".join(f"{chr(97 + (number * step + step) % 26)}{chr(97 + (number + step) % 26)}opacity" for step in range(1, 9))
    named = {"key": f"c{number}", "person": f"p{number}", "study": f"s{number}", "image": f"{number}.png", "as_of": "2020-01-01"}
    told = {"report": f"Clear lungs, variant {words}.", "findings": [], "consent": "yes", "licence": "CC0-1.0"}
    return {**named, **told, "modality": "CR", "view": "PA", "age": 40, "sex": "male"}
