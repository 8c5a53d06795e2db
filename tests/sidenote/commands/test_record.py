"""`sidenote record`: what a person types."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.graph import review
from agent.request import ReviewRequest
from fhir.jsontext import dumps
from sandbox.patients.builder import bundle
from sandbox.patients.hospital import stories
from sandbox.patients.story import CLOCK
from sidenote.commands.record import record
from sidenote.settings import Settings
from sidenote.wiring import wired


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site's folder with one finished review, `r1`."""
    folder = tmp_path_factory.mktemp("home")
    story = next(story for story in stories() if story.person.id == "ckd4-contrast")
    (folder / "chart.json").write_bytes(dumps(bundle(story.resources)))

    async def made() -> None:
        async with wired(Settings(home=folder), [str(folder / "chart.json")], image_model=False) as parts:
            await review(ReviewRequest("ckd4-contrast", CLOCK, review_id="r1"), parts)

    asyncio.run(made())
    return folder


def call(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(record, [*arguments, "--records", str(home / "records")])


def test_show_prints_the_steps_the_claims_and_what_fired(home: Path) -> None:
    done = call(home, "show", "r1")
    assert done.exit_code == 0, done.output
    for expected in ("needs_review", "Patient/ckd4-contrast", "gather", "seal", "C01", "eGFR"):
        assert expected in done.output


def test_verify_says_whole(home: Path) -> None:
    done = call(home, "verify", "r1")
    assert (done.exit_code, done.output.split()[0]) == (0, "whole")


def test_replay_says_same_five_times(home: Path) -> None:
    done = call(home, "replay", "r1")
    assert done.exit_code == 0, done.output
    assert [line.split()[0] for line in done.output.splitlines()] == ["same"] * 5


@pytest.mark.parametrize("command", ["show", "verify", "replay"])
def test_an_unknown_id_is_a_problem_document_and_exit_3(home: Path, command: str) -> None:
    done = call(home, command, "nobody")
    assert done.exit_code == 3
    problem = json.loads(done.stderr)
    assert (problem["code"], problem["case_id"]) == ("record_missing", "nobody")


@pytest.mark.fault(117)
def test_a_changed_byte_is_named_and_neither_shown_nor_replayed(home: Path) -> None:
    path = home / "records" / "r1" / "record.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"step":"guard"', b'"step":"guarD"'))
    try:
        verified, shown, replayed = (call(home, command, "r1") for command in ("verify", "show", "replay"))
    finally:
        path.write_bytes(whole)
    assert (verified.exit_code, shown.exit_code, replayed.exit_code) == (3, 3, 3)
    assert "record.jsonl line 9" in verified.output
    assert json.loads(shown.stderr)["code"] == "record_broken"
