"""`sidenote index search` from the outside."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from sidenote.library import phantom_cases

Run = Callable[..., Result]


def test_search_finds_the_words_it_was_given_in_another_study(library: Path, run: Run) -> None:
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
    (case,) = phantom_cases(1, first=4)
    Image.fromarray((case.image * 255).astype(np.uint8)).save(tmp_path / "copy.png")
    answer = json.loads(
        run("search", "--image", tmp_path / "copy.png", "--encoder", "hash", "--library", library, "--format", "json").stdout
    )
    assert answer["excluded"]["near-duplicate image"] == 1
    assert case.card.key not in {neighbour["key"] for neighbour in answer["neighbours"]}


def test_an_image_is_a_dicom_file_too_and_what_is_none_is_refused(library: Path, run: Run, kit: Path, tmp_path: Path) -> None:
    arguments = ("--encoder", "hash", "--library", library, "--format", "json")
    dicom = min((kit / "dicom" / "hannover").glob("*.dcm"))
    assert json.loads(run("search", "--image", dicom, *arguments).stdout)["searched"] == 30
    (tmp_path / "none.png").write_bytes(b"no picture")
    refused = run("search", "--image", tmp_path / "none.png", *arguments)
    assert (refused.exit_code, json.loads(refused.stderr)["code"]) == (3, "case_rejected")


@pytest.mark.fault(89)
def test_of_another_study_s_date_the_year_alone_is_shown(library: Path, run: Run) -> None:
    (case,) = phantom_cases(1, first=4)
    arguments = ("search", "--text", case.card.report, "--encoder", "hash", "--library", library, "--as-of", "2026-01-01")
    told, shown = run(*arguments, "--format", "json").stdout, run(*arguments).stdout
    assert json.loads(told)["neighbours"][0]["year"] == str(case.card.as_of.year)
    assert not re.search(r"\d{4}-\d{2}-\d{2}", told + shown)
    assert f"{case.card.key[:8]} {case.card.as_of.year}" in shown


def test_a_folder_and_a_place_in_milvus_are_not_asked_at_once(library: Path, run: Run, tmp_path: Path) -> None:
    for command in (("search", "--text", "words"), ("verify",)):
        assert run(*command, "--library", library, "--milvus", tmp_path / "cases.db").exit_code == 2


def test_a_text_about_something_else_has_no_comparable_case(library: Path, run: Run) -> None:
    result = run("search", "--text", "the quick brown fox", "--encoder", "hash", "--library", library)
    assert result.exit_code == 0
    assert "no comparable cases" in result.stdout


def test_a_filter_keeps_what_it_names_and_the_rest_is_counted(library: Path, run: Run) -> None:
    arguments = ("search", "--text", "no acute findings", "--encoder", "hash", "--library", library, "--format", "json")
    every, front = json.loads(run(*arguments).stdout), json.loads(run(*arguments, "--view", "PA").stdout)
    assert {neighbour["view"] for neighbour in front["neighbours"]} <= {"PA"}
    assert front["searched"] < every["searched"]
    assert sum(front["excluded"].values()) == every["searched"] - front["searched"] + sum(every["excluded"].values())
    assert json.loads(run(*arguments, "--modality", "MR").stdout)["searched"] == 0


def test_what_the_text_states_is_what_neighbours_share_and_differ_in(library: Path, run: Run) -> None:
    case = next(one for one in phantom_cases(30) if one.card.findings)
    arguments = ("search", "--text", case.card.report, "--encoder", "hash", "--library", library, "--format", "json")
    (same, *_) = json.loads(run(*arguments).stdout)["neighbours"]
    assert same["key"] == case.card.key
    assert same["shared"]
    assert not any("only in the past case" in words for words in same["differs"])
    (named, *_) = json.loads(run(*arguments, "--finding", "hiatal_hernia").stdout)["neighbours"]
    assert "hiatal hernia only in the present case" in named["differs"]
