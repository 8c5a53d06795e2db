"""`sidenote review` as it is typed: the moment, the four formats, where they go, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import pytest

from agent.review import Review
from sidenote.commands.review import AsOf

Command = Callable[..., Any]
AS_OF = "2026-11-20T09:00:00Z"


@pytest.mark.parametrize(
    ("text", "offset"),
    [("2026-11-20T09:00:00Z", 0), ("2026-11-20T10:00:00+01:00", 3600), ("2026-11-20T09:00+00:00", 0), ("20261120T040000-0500", -18000)],
)
def test_a_moment_with_its_offset_is_taken(text: str, offset: int) -> None:
    moment = AsOf().convert(text, None, None)
    assert moment == datetime.fromisoformat(AS_OF)
    assert moment.strftime("%z") == f"{'-' if offset < 0 else '+'}{abs(offset) // 3600:02}00"
    assert AsOf().convert(moment, None, None) is moment


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-20", "2026-11-20T09:00:00", "2026-13-01T00:00:00Z", "1763629200"])
def test_a_moment_that_would_be_guessed_is_a_usage_error(text: str) -> None:
    with pytest.raises(click.BadParameter):
        AsOf().convert(text, None, None)


def bundle_of(text: str) -> set[str]:
    document = json.loads(text)
    assert document["resourceType"] == "Bundle"
    return {entry["resource"]["resourceType"] for entry in document["entry"]}


def json_says(text: str) -> bool:
    review = Review.model_validate_json(text)
    return (review.status, review.reading_mode) == ("needs_review", "off") and any("eGFR is 24" in claim.text for claim in review.claims)


FORMATS: dict[str, Callable[[str], bool]] = {
    "terminal": lambda text: "eGFR is 24" in " ".join(text.split()) and "\x1b[" not in text,
    "json": json_says,
    "html": lambda text: text.startswith("<!doctype html>") and "eGFR is 24" in text,
    "fhir": lambda text: {"Provenance"} < bundle_of(text),
}


@pytest.mark.parametrize("where", ["standard output", "a file"])
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_tells_the_review_wherever_it_is_sent(form: str, where: str, hospital: Path, command: Command, tmp_path: Path) -> None:
    out = tmp_path / "review"
    to_file = ("--out", out) if where == "a file" else ()
    ended = command("review", "ckd4-contrast", "--fhir", hospital, "--as-of", AS_OF, "--no-image-model", "--format", form, *to_file)
    assert (ended.code, ended.err) == (0, "")
    assert FORMATS[form](out.read_text("utf-8") if to_file else ended.out)
    assert (ended.out == "") == bool(to_file)


def test_a_review_withheld_by_policy_is_shown_as_such_and_exit_code_4(hospital: Path, command: Command) -> None:
    ended = command("review", "wrong-patient", "--fhir", hospital, "--as-of", AS_OF, "--no-image-model", "--format", "json")
    review = Review.model_validate_json(ended.out)
    assert (ended.code, review.status, review.claims) == (4, "withheld", ())


def test_the_question_is_kept_with_the_review(hospital: Path, command: Command) -> None:
    asked = ("--question", "Is contrast safe?", "--format", "json", "--as-of", AS_OF)
    ended = command("review", "Patient/ckd4-contrast", "--fhir", hospital, "--no-image-model", *asked)
    assert Review.model_validate_json(ended.out).question == "Is contrast safe?"


@pytest.mark.parametrize(
    ("out", "code"),
    [("nowhere/review.json", 2), ("hospital.json", 2), ("review.json", 0)],
    ids=["a folder that is not there", "over the record", "a new file"],
)
def test_an_output_that_cannot_be_meant_is_a_usage_error_before_anything_is_read(
    out: str, code: int, hospital: Path, command: Command, tmp_path: Path
) -> None:
    record = (hospital / "ckd4-contrast.json").read_bytes()
    (tmp_path / "hospital.json").write_bytes(record)
    ended = command(
        "review", "ckd4-contrast", "--fhir", tmp_path / "hospital.json", "--no-image-model", "--format", "json", "--out", tmp_path / out
    )
    assert ended.code == code, ended.err
    assert (tmp_path / "hospital.json").read_bytes() == record
    assert (tmp_path / "home").exists() == (code == 0)
