"""`sidenote index` from the outside: what it prints, and how it ends."""

from __future__ import annotations

import json
import shutil
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
    folder = tmp_path_factory.mktemp("phantoms") / "library"
    result = run("build", "--phantoms", 30, "--encoder", "hash", "--library", folder, "--format", "json")
    assert result.exit_code == 0, result.stderr
    assert "30/30" in result.stderr
    assert json.loads(result.stdout)["cases"] == 30
    return folder


def test_search_finds_the_words_it_was_given_in_another_study(library: Path, run: Run) -> None:
    from sidenote.library import phantom_cases

    (case,) = phantom_cases(1, first=4)
    arguments = ("search", "--text", case.card.report, "--encoder", "hash", "--library", library, "--as-of", "2026-01-01", "-k", 3)
    answer = json.loads(run(*arguments, "--format", "json").stdout)
    assert answer["comparable"]
    assert answer["neighbours"][0]["key"] == case.card.key
    assert answer["neighbours"][0]["distance"] == 0.0
    assert 1 <= len(answer["neighbours"]) <= 3
    assert answer["coverage"] == 0.95
    shown = run(*arguments).stdout
    assert case.card.key[:8] in shown
    assert "comparable case" in shown


def test_search_by_an_image_leaves_its_own_copy_out(library: Path, run: Run, tmp_path: Path) -> None:
    from sidenote.library import phantom_cases

    (case,) = phantom_cases(1, first=4)
    Image.fromarray((case.image * 255).astype(np.uint8)).save(tmp_path / "copy.png")
    answer = json.loads(
        run("search", "--image", tmp_path / "copy.png", "--encoder", "hash", "--library", library, "--format", "json").stdout
    )
    assert answer["excluded"]["near-duplicate image"] == 1
    assert case.card.key not in {neighbour["key"] for neighbour in answer["neighbours"]}


def test_a_text_about_something_else_has_no_comparable_case(library: Path, run: Run) -> None:
    result = run("search", "--text", "the quick brown fox", "--encoder", "hash", "--library", library)
    assert result.exit_code == 0
    assert "no comparable cases" in result.stdout


def test_info_and_verify_describe_a_whole_library(library: Path, run: Run) -> None:
    told = json.loads(run("info", "--library", library, "--format", "json").stdout)
    assert (told["cases"], told["folder"], told["skipped"]) == (30, "gen-0001", {})
    assert "30 phantom studies" in run("info", "--library", library).stdout
    verified = run("verify", "--library", library)
    assert verified.exit_code == 0
    assert told["sha256"] in verified.stdout


def test_an_archive_is_indexed_and_its_bad_lines_are_named(run: Run, tmp_path: Path) -> None:
    archive, secret = tmp_path / "archive", tmp_path / "secret"
    archive.mkdir()
    secret.write_bytes(b"a secret of sixteen bytes or more\n")
    lines: list[dict[str, Any]] = []
    for number in range(20):
        grey = np.random.default_rng(number).integers(0, 256, (64, 64)).astype(np.uint8)
        Image.fromarray(grey).save(archive / f"{number}.png")
        line = {"key": f"c{number}", "person": f"p{number}", "study": f"s{number}", "image": f"{number}.png", "as_of": "2020-01-01"}
        case = {**line, "report": f"Clear lungs, variant {chr(97 + number)}.", "modality": "CR", "view": "PA", "age": 40, "sex": "male"}
        lines.append({**case, "findings": [], "consent": "yes", "licence": "CC0-1.0"})
    lines[3]["age"] = -1
    (archive / "cases.jsonl").write_text("\n".join(map(json.dumps, lines)))
    result = run("build", "--cases", archive, "--secret-file", secret, "--encoder", "hash", "--library", tmp_path / "library")
    assert result.exit_code == 0, result.stderr
    assert "line 4: not a case: age" in result.stdout
    assert json.loads(run("info", "--library", tmp_path / "library", "--format", "json").stdout)["cases"] == 19


@pytest.mark.parametrize(
    "arguments",
    [
        ("build",),
        ("build", "--phantoms", "2", "--cases", "somewhere"),
        ("build", "--cases", "somewhere"),
        ("build", "--phantoms", "0"),
        ("build", "--phantoms", "2", "--encoder", "other"),
        ("search",),
        ("search", "--text", "  "),
        ("search", "--text", "x", "-k", "0"),
        ("search", "--text", "x", "--as-of", "2020-13-01"),
        ("compact",),
    ],
)
def test_wrong_usage_ends_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def _refused(result: Result) -> Any:
    assert result.exit_code == 3
    assert result.stdout == ""
    return json.loads(result.stderr.splitlines()[-1])["code"]


@pytest.mark.fault(82)
def test_a_changed_byte_ends_with_3_and_the_code(library: Path, run: Run, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(library, tmp_path / "copy"))
    path = copy / "gen-0001" / "vectors.faiss"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    for arguments in (("verify",), ("info",), ("search", "--text", "x", "--encoder", "hash")):
        assert _refused(run(*arguments, "--library", copy)) == "index_corrupt"


def test_what_is_not_there_ends_with_3_and_the_code(run: Run, tmp_path: Path) -> None:
    assert _refused(run("info", "--library", tmp_path / "none")) == "index_missing"
    (tmp_path / "secret").write_bytes(b"short")
    common = ("--secret-file", tmp_path / "secret", "--encoder", "hash", "--library", tmp_path / "library")
    assert _refused(run("build", "--cases", tmp_path / "none", *common)) == "bad_archive"
    (tmp_path / "cases.jsonl").write_text("{}\n")
    assert _refused(run("build", "--cases", tmp_path, *common)) == "site_secret_weak"
    (tmp_path / "secret").write_bytes(b"long enough to be a secret")
    assert _refused(run("build", "--cases", tmp_path, *common)) == "index_empty"
