"""`sidenote index remove`, `release` and `compact` from the outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Run = Callable[..., Result]
Write = Callable[..., Path]


@pytest.fixture
def mine(run: Run, tmp_path: Path, secret: Path, write_archive: Write) -> Path:
    """A library of 30 people of an archive."""
    archive, folder = write_archive(tmp_path / "archive", range(30)), tmp_path / "mine"
    done = run("build", "--cases", archive, "--unsigned", "--secret-file", secret, "--encoder", "hash", "--library", folder)
    assert done.exit_code == 0, done.stderr
    return folder


def read(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def found(run: Run, library: Path) -> set[str]:
    arguments = ("search", "--text", "Clear lungs, variant", "-k", 100, "--encoder", "hash", "--library", library, "--format", "json")
    return {one["key"] for one in read(run(*arguments))["neighbours"]}


def test_a_removed_case_is_found_no_longer_and_compact_takes_its_bytes(run: Run, mine: Path) -> None:
    before = found(run, mine)
    key = min(before)
    removed = read(run("remove", "--case", key, "--reason", "consent withdrawn", "--library", mine, "--format", "json"))
    assert removed["cases"] == 29
    assert removed["gone"] == {"consent withdrawn": 1}
    assert key not in found(run, mine)
    compacted = read(run("compact", "--library", mine, "--format", "json"))
    assert (compacted["cases"], compacted["gone"]) == (29, {})
    assert compacted["size"] < removed["size"]
    assert run("verify", "--library", mine).exit_code == 0


def test_a_person_is_removed_by_the_name_that_the_archive_had(run: Run, mine: Path, secret: Path) -> None:
    assert read(run("remove", "--person", "p7", "--secret-file", secret, "--library", mine, "--format", "json"))["cases"] == 29
    other = secret.with_name("other")
    other.write_bytes(b"another secret, as long as the first")
    refused = run("remove", "--person", "p8", "--secret-file", other, "--library", mine)
    assert refused.exit_code == 3
    assert json.loads(refused.stderr.splitlines()[-1])["code"] == "index_other_site"


def test_who_removes_a_case_is_told_when_the_published_copy_could_not_be_asked(
    run: Run, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("remove", "--case", min(found(run, mine)), "--library", mine)
    assert "Milvus" not in run(*arguments).stderr
    monkeypatch.setenv("SIDENOTE_MILVUS_URI", "http://milvus.example:19530")
    key = min(found(run, mine))
    again = run("remove", "--case", key, "--library", mine)
    assert again.exit_code == 3
    assert json.loads(again.stderr.splitlines()[-1])["code"] == "settings_invalid"
    assert key not in found(run, mine)


@pytest.mark.slow
@pytest.mark.fault(84)
def test_a_case_that_is_removed_is_removed_from_what_is_published_too(run: Run, mine: Path, tmp_path: Path) -> None:
    pytest.importorskip("milvus_lite", reason="milvus-lite is not installed")
    there = ("--milvus", tmp_path / "milvus.db", "--collection", "cases")
    assert run("publish", "--library", mine, *there).exit_code == 0
    asked = ("search", "--text", "Clear lungs, variant", "-k", 100, "--encoder", "hash", *there, "--format", "json")
    before = {one["key"] for one in read(run(*asked))["neighbours"]}
    assert before == found(run, mine)
    removed = run("remove", "--case", min(before), "--library", mine, *there)
    assert removed.exit_code == 0, removed.stderr
    assert "taken out of Milvus: 1 cases" in removed.stderr
    left = {one["key"] for one in read(run(*asked))["neighbours"]}
    assert min(before) not in left
    assert left >= before - {min(before)}, "of near copies another may stand in its place"
    verified = run("verify", *there)
    assert (verified.exit_code, "whole: 29 cases" in verified.stdout) == (0, True)


def test_a_removal_without_effect_says_so(run: Run, mine: Path) -> None:
    for arguments in (("remove", "--case", "0" * 32), ("release", "--case", "0" * 32)):
        done = read(run(*arguments, "--library", mine, "--format", "json"))
        assert (done["changed"], done["cases"]) == (0, 30)
        assert "changed by this" in run(*arguments, "--library", mine).stdout
    assert "no case was removed" in run("remove", "--case", "0" * 32, "--library", mine).stderr
    assert run("remove", "--case", "no key", "--library", mine).exit_code == 2
    assert run("remove", "--case", "0" * 32, "--reason", "Mr Miller", "--library", mine).exit_code == 3
