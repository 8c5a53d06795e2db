"""`sidenote model` from the outside."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sidenote.commands.model import model
from tools.med_vlm.compact.files import CALIBRATION as CALIBRATION_FILE
from tools.med_vlm.compact.files import CARD as CARD_FILE
from tools.med_vlm.compact.files import SHIPPED, WEIGHTS, load_card
from tools.med_vlm.compact.making.recipes import CALIBRATION, HELD_OUT, TEST, full_recipe, quick_recipe


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in (WEIGHTS, CALIBRATION_FILE, CARD_FILE):
        shutil.copyfile(SHIPPED / name, tmp_path / name)
    return tmp_path


def test_lists_the_models() -> None:
    shown = CliRunner().invoke(model, ["list"])
    assert shown.exit_code == 0
    assert shown.output.startswith("compact  ")


def test_info_names_the_files_and_the_command_that_makes_them_again() -> None:
    shown = CliRunner().invoke(model, ["info"])
    assert shown.exit_code == 0
    assert WEIGHTS in shown.output
    assert "sidenote model train compact" in shown.output


def test_check_passes_the_shipped_model_and_noise_is_abstained_on() -> None:
    shown = CliRunner().invoke(model, ["check", "compact", "--count", "4"])
    assert shown.exit_code == 0, shown.output
    for words in ("loaded, fingerprint", "s a reading", "moved when the image was replaced", "nothing about patients", "noise: abstained"):
        assert words in shown.output


@pytest.mark.fault(68)
@pytest.mark.parametrize(
    ("spoil", "code"), [(lambda path: path.unlink(), "model_missing"), (lambda path: path.write_bytes(b"x"), "model_files_changed")]
)
def test_check_refuses_missing_and_changed_weights_with_a_problem_document(spoil, code: str, copy: Path) -> None:  # type: ignore[no-untyped-def]  # a table of lambdas
    spoil(copy / WEIGHTS)
    shown = CliRunner().invoke(model, ["check", "compact", "--folder", str(copy)])
    assert shown.exit_code == 3
    assert json.loads(shown.stderr)["code"] == code


def test_the_card_shows_cautions_findings_refusals_and_all_attributes() -> None:
    shown = CliRunner().invoke(model, ["card", "compact"], env={"COLUMNS": "160"})
    assert shown.exit_code == 0
    for words in ("Not a medical device", "pleural effusion", "uniform noise", "Refused to read", "fairness external"):
        assert words in " ".join(shown.output.split())


def test_the_card_as_json_is_the_file(copy: Path) -> None:
    shown = CliRunner().invoke(model, ["card", "--folder", str(copy), "--format", "json"])
    assert json.loads(shown.output) == json.loads(load_card(copy).model_dump_json())


def test_the_four_sets_of_phantoms_never_meet() -> None:
    for recipe in (full_recipe(6000, 18, 1, None), quick_recipe(1, None)):
        sets = [set(recipe.train), set(recipe.held_out), set(recipe.calibration), set(recipe.test)]
        assert sum(map(len, sets)) == len(set().union(*sets))
    assert HELD_OUT < CALIBRATION < TEST


def test_the_shipped_card_was_made_by_the_command_it_names() -> None:
    card = json.loads((SHIPPED / CARD_FILE).read_text())
    training = card["training"]
    typed = training["command"].removeprefix("sidenote model train compact ").removesuffix(" --radiographs INDEX").split()
    named = dict(zip(typed[::2], typed[1::2], strict=True))
    made = full_recipe(
        training["train"], training["epochs"], training["seed"], None, batch=int(named["--batch"]), device=named["--device"]
    ).command
    assert training["command"] == made + (" --radiographs INDEX" if training["radiographs"] else "")


def test_naming_the_models_loads_no_heavy_library() -> None:
    code = "import sys; from sidenote.commands.model import model; import tools.med_vlm.compact.reader; "
    code += "print([m for m in ('torch', 'transformers', 'faiss') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == "[]"
