"""The command line answers at once, and says plainly what it does not know."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from sidenote.cli import COMMANDS, cli

HEAVY = ("torch", "transformers", "faiss", "langgraph", "sentence_transformers", "pydantic", "rich", "numpy")


def test_help_loads_no_heavy_library() -> None:
    code = f"""
import sys
from sidenote.cli import cli
cli(["--help"], standalone_mode=False)
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_exists_and_explains_itself(name: str) -> None:
    module, _ = COMMANDS[name]
    command = getattr(import_module(module), name)
    assert isinstance(command, click.Command)
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["review"],
        ["review", "p1"],
        ["review", "p1", "--fhir", "x", "--format", "pdf"],
        ["review", "p1", "--fhir", "x", "--as-of", "yesterday"],
        ["review", "p1", "--fhir", "x", "--as-of", "2026-11-20T09:00:00"],
        ["review", "p1", "--fhir", "x", "--out", "/no/such/folder/file.json"],
        ["batch", "run", "cohort.txt"],
        ["batch", "run", "cohort.txt", "--fhir", "x", "--out", "o", "--workers", "0"],
        ["index", "build"],
        ["record", "show"],
        ["doctor", "--format", "html"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_are_usage_errors(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, arguments).exit_code == 2
