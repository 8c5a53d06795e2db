"""`sidenote index info` and `verify` from the outside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


def test_info_and_verify_describe_a_whole_library(library: Path, run: Run) -> None:
    told = json.loads(run("info", "--library", library, "--format", "json").stdout)
    assert (told["cases"], told["folder"], told["skipped"]) == (30, "gen-0001", {})
    assert "30 phantom studies" in run("info", "--library", library).stdout
    verified = run("verify", "--library", library)
    assert verified.exit_code == 0
    assert told["sha256"] in verified.stdout


@pytest.mark.fault(82)
def test_a_changed_byte_ends_with_3_and_the_code(library: Path, run: Run, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(library, tmp_path / "copy"))
    (path,) = copy.glob("gen-*/seg-*/vectors.npy")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    for arguments in (("verify",), ("search", "--text", "x", "--encoder", "hash")):
        result = run(*arguments, "--library", copy)
        assert (result.exit_code, result.stdout) == (3, "")
        assert json.loads(result.stderr.splitlines()[-1])["code"] == "index_corrupt"
