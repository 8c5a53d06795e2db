"""`sidenote index build` and `add` from the outside: what they take, what they leave out and say so, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from sidenote.commands.index.building import _without_path

Run = Callable[..., Result]
Write = Callable[..., Path]


def told(run: Run, library: Path) -> Any:
    return json.loads(run("info", "--library", library, "--format", "json").stdout)


def test_an_archive_is_indexed_and_its_bad_lines_are_named(run: Run, tmp_path: Path, secret: Path, write_archive: Write) -> None:
    archive = write_archive(tmp_path / "archive", range(20))
    lines = (archive / "cases.jsonl").read_text().splitlines()
    lines[3] = lines[3].replace('"age": 40', '"age": -1')
    (archive / "cases.jsonl").write_text("\n".join(lines))
    common = ("--secret-file", secret, "--encoder", "hash", "--library", tmp_path / "library")
    result = run("build", "--cases", archive, "--unsigned", *common)
    assert result.exit_code == 0, result.stderr
    assert "line 4: not a case: age" in result.stdout
    assert told(run, tmp_path / "library")["cases"] == 19


@pytest.mark.fault(87)
def test_an_archive_without_a_signature_is_taken_only_when_that_is_said(
    run: Run, tmp_path: Path, secret: Path, write_archive: Write
) -> None:
    archive = write_archive(tmp_path / "archive", range(20))
    common = ("--cases", archive, "--secret-file", secret, "--encoder", "hash", "--library", tmp_path / "library")
    refused = run("build", *common)
    assert refused.exit_code == 3
    assert json.loads(refused.stderr.splitlines()[-1])["code"] == "archive_not_signed"
    assert run("sign", archive, "--secret-file", secret).exit_code == 0
    assert run("build", *common).exit_code == 0
    assert told(run, tmp_path / "library")["signed"] is True
    (archive / "3.png").write_bytes((archive / "4.png").read_bytes())
    changed = run("build", *common)
    assert json.loads(changed.stderr.splitlines()[-1])["code"] == "archive_signature_wrong"
    assert told(run, tmp_path / "library")["cases"] == 20


def test_added_cases_stand_beside_the_others_and_known_ones_are_skipped(
    run: Run, tmp_path: Path, secret: Path, write_archive: Write
) -> None:
    common = ("--unsigned", "--secret-file", secret, "--encoder", "hash", "--library", tmp_path / "library")
    assert run("build", "--cases", write_archive(tmp_path / "first", range(30)), *common).exit_code == 0
    added = run("add", "--cases", write_archive(tmp_path / "second", range(20, 40)), *common, "--format", "json")
    assert added.exit_code == 0, added.stderr
    found = json.loads(added.stdout)
    assert found["cases"] + found["quarantined"] == 40
    assert found["skipped"]["key stands twice"] == 10


def test_the_library_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    assert _without_path(f"sentence-transformers:{tmp_path / 'jane' / 'clip'}") == "sentence-transformers:clip"
    assert _without_path(f"images:{tmp_path / 'dino'}+google/siglip") == "images:dino+google/siglip"
    assert [_without_path(name) for name in ("hash", "compact", "open-clip:org/model")] == ["hash", "compact", "open-clip:org/model"]


def test_cases_under_another_secret_are_not_added(run: Run, tmp_path: Path, secret: Path, write_archive: Write) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"another secret, as long as the first")
    common = ("--unsigned", "--encoder", "hash", "--library", tmp_path / "library")
    assert run("build", "--cases", write_archive(tmp_path / "first", range(20)), "--secret-file", secret, *common).exit_code == 0
    refused = run("add", "--cases", write_archive(tmp_path / "second", range(20, 30)), "--secret-file", other, *common)
    assert refused.exit_code == 3
    assert json.loads(refused.stderr.splitlines()[-1])["code"] == "index_other_site"


@pytest.mark.parametrize(
    "arguments",
    [
        ("build",),
        ("build", "--phantoms", "2", "--cases", "somewhere"),
        ("build", "--phantoms", "0"),
        ("build", "--phantoms", "2", "--secret-file", "x"),
        ("build", "--phantoms", "2", "--unsigned"),
        ("build", "--cases", "somewhere", "--seed", "1"),
        ("build", "--cases", "somewhere", "--consent", "yes"),
        ("add", "--dicom", "somewhere", "--fhir", "http://127.0.0.1"),
        ("remove",),
        ("release",),
        ("sign",),
        ("publish",),
        ("search",),
        ("search", "--text", "  "),
        ("search", "--text", "x", "-k", "0"),
        ("search", "--text", "x", "--as-of", "2020-13-01"),
        ("defragment",),
    ],
)
def test_wrong_usage_ends_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_what_is_not_there_ends_with_3_and_the_code(run: Run, tmp_path: Path) -> None:
    def refused(*arguments: object) -> Any:
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (3, "")
        return json.loads(result.stderr.splitlines()[-1])["code"]

    assert refused("info", "--library", tmp_path / "none") == "index_missing"
    assert refused("build", "--cases", tmp_path) == "settings_invalid"
    (tmp_path / "secret").write_bytes(b"short")
    common = ("--unsigned", "--secret-file", tmp_path / "secret", "--encoder", "hash", "--library", tmp_path / "library")
    assert refused("build", "--cases", tmp_path / "none", *common) == "bad_archive"
    (tmp_path / "cases.jsonl").write_text("{}\n")
    assert refused("build", "--cases", tmp_path, *common) == "site_secret_weak"
    (tmp_path / "secret").write_bytes(b"long enough to be a secret")
    assert refused("build", "--cases", tmp_path, *common) == "index_empty"
    assert refused("build", "--phantoms", 2, "--encoder", "nobody", "--library", tmp_path / "library") == "encoder_unknown"


def test_who_changes_the_library_is_told_that_reviews_ask_another_copy(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDENOTE_HOME", str(tmp_path))
    monkeypatch.setenv("SIDENOTE_MILVUS_URI", str(tmp_path / "cases.db"))
    for place, told in (((), True), (("--library", tmp_path / "other"), False)):
        done = run("build", "--phantoms", 3, "--encoder", "hash", *place)
        assert (done.exit_code, "sidenote index publish" in done.stderr) == (0, told)
