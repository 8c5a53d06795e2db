"""`sidenote eval` from the outside: phantoms always, other data when they are named, and floors that fail a run when asked to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from evaluation.leaks import Leaks
from evaluation.retrieval import RetrievalStudy, SetStudy
from sidenote.commands import eval as command


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Few and small phantoms: they are drawn in this process."""
    monkeypatch.setattr(command, "PHANTOMS_PER_QUERY", 3)
    monkeypatch.setattr("sidenote.library.PHANTOM_SIZE", 64)

    def called(*arguments: object) -> Result:
        return CliRunner().invoke(command.eval, ["retrieval", "--encoder", "hash", "--queries", "20", *map(str, arguments)])

    return called


def test_phantoms_are_measured_without_any_data(run: Callable[..., Result]) -> None:
    result = run("--format", "json")
    assert result.exit_code == 0, result.output
    read = json.loads(result.stdout)
    (phantoms,) = read["sets"]
    assert (phantoms["name"], phantoms["library"], phantoms["queries"]) == ("Phantoms", 40, 20)
    assert phantoms["leaks"]["leaked"] == []
    assert read["texts"] is None
    for step in ("phantoms: drawing", "Phantoms: library", "Phantoms: asking"):
        assert step in result.stderr


def test_an_archive_is_measured_beside_them_and_the_document_is_written_whole(run: Callable[..., Result], tmp_path: Path) -> None:
    archive = _archive(tmp_path / "archive", 70)
    result = run("--cases", archive, "--format", "md", "--out", tmp_path / "study.md")
    assert (result.exit_code, result.stdout) == (0, "")
    text = (tmp_path / "study.md").read_text("utf-8")
    assert "## Archive" in text
    assert "an archive of 71 cases, 1 of them unreadable" in text.lower()
    assert "clinical validity" in text


def test_what_is_no_kit_is_refused(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("--kit", tmp_path)
    assert result.exit_code == 3
    assert json.loads(result.stderr.splitlines()[-1])["code"] == "kit_unreadable"


def test_a_missed_floor_fails_a_run_that_is_gated_and_no_other(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    leak = Leaks(20, 400, (("same person", 3),), ())
    one = SetStudy("Phantoms", "made up", 40, 20, 20, 0, 0.5, "even", True, (), (), (), (), leak, ())
    monkeypatch.setattr(command, "_study", lambda *_: RetrievalStudy("hash", "0" * 64, 20, (one,), None))
    assert run().exit_code == 0
    gated = run("--gate")
    assert gated.exit_code == 1
    assert "Phantoms: 3 neighbours that must not be found: same person" in gated.stderr


def _archive(folder: Path, count: int) -> Path:
    """Cases in the published form, and one line that is none."""
    folder.mkdir()
    lines: list[dict[str, Any]] = []
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        words = "There is a right pleural effusion" if number % 2 else "The lungs are clear without pneumothorax"
        lines.append(
            {
                "key": f"case-{number}", "person": f"person-{number}", "study": f"study-{number}", "as_of": "2020-01-02",
                "image": f"{number}.png", "report": f"{words}. View {chr(97 + number % 26)}{chr(97 + number // 26)}.",
                "modality": "DX", "body_part": "CHEST", "view": "PA", "age": 40, "sex": "female",
                "consent": "synthetic", "licence": "CC0-1.0",
            }
        )  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "cases.jsonl").write_text(text + "{}\n", "utf-8")
    return folder
