"""`sidenote demo` as it is typed: served and checked by itself; and with `--pages` stories told, a page for each, and a list."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from click.testing import CliRunner, Result

from agent.record import indexed
from sandbox.patients import contrast, hospital
from sandbox.patients.story import Story
from sidenote.cli import cli
from sidenote.demo import DemoFolders

TOLD = tuple(hospital.STORIES[number] for number in (2, 6, 12, 16, 18))
"""Every way a review can end, with one rule that fired and with none. How each of all ends is in tests/sidenote/test_stories.py."""
STORIES = tuple(tell() for tell in TOLD)
SMALL = 60
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def demo(home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoFolders, Result]:
    """The demo, told once, with the small library in its home so that it need not build one."""
    folders = DemoFolders(tmp_path_factory.mktemp("demo"))
    shutil.copytree(home / "library", folders.home / "library")
    typed = ["demo", "--pages", str(folders.pages), "--out", str(folders.out), "--cases", str(SMALL)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hospital, "STORIES", TOLD)
        done = CliRunner().invoke(cli, typed, env={"COLUMNS": "160"})
    return folders, done


def test_every_story_ends_as_it_must(demo: tuple[DemoFolders, Result]) -> None:
    _, done = demo
    assert {story.expected.status for story in STORIES} == {"presented", "needs_review", "withheld", "abstained"}
    assert {len(story.expected.fired) for story in STORIES} == {0, 1}
    assert done.exit_code == 0, done.output[-2000:]
    assert "not as expected" not in done.output


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.person.id)
def test_a_story_has_its_row_and_its_page(story: Story, demo: tuple[DemoFolders, Result]) -> None:
    folders, done = demo
    (row,) = [line for line in done.output.splitlines() if line.startswith(f"{story.person.id} ")]
    assert story.title in row
    assert set(re.findall(r"\b[A-Z]\d{2}\b", row)) == story.expected.fired
    page = (folders.pages / f"{story.person.id}.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "Research software, not a medical device" in page


def test_the_list_links_to_every_page_and_to_nothing_else(demo: tuple[DemoFolders, Result]) -> None:
    folders, done = demo
    listed = folders.pages / "index.html"
    links = [unquote(link) for link in re.findall(r'href="([^"]*)"', listed.read_text("utf-8"))]
    assert links == [f"{story.person.id}.html" for story in STORIES]
    assert {path.name for path in folders.pages.iterdir()} == {*links, "index.html"}
    assert listed.as_uri() in done.output


def test_a_library_that_is_there_is_not_built_again(demo: tuple[DemoFolders, Result]) -> None:
    assert "Building a library" not in demo[1].output


def test_every_review_is_sealed_in_the_demos_own_home(demo: tuple[DemoFolders, Result]) -> None:
    assert len(indexed(demo[0].home / "records")) == len(STORIES)


def ends_otherwise() -> Story:
    story = contrast.shellfish_label()
    return replace(story, expected=replace(story.expected, status="withheld"))


@pytest.mark.parametrize(
    ("told", "code", "mark"),
    [((contrast.shellfish_label,), 0, False), ((contrast.shellfish_label, contrast.ckd_stage_4), 0, False), ((ends_otherwise,), 1, True)],
    ids=["one as expected", "two as expected", "one otherwise"],
)
def test_a_story_that_ends_otherwise_is_marked_and_exit_code_1(
    told: tuple[Callable[[], Story], ...], code: int, mark: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hospital, "STORIES", told)
    env = {"COLUMNS": "160", "SIDENOTE_IMAGE_MODEL": "off"}
    done = CliRunner().invoke(cli, ["demo", "--pages", str(tmp_path / "told"), "--out", str(tmp_path), "--cases", "0"], env=env)
    assert done.exit_code == code, done.output
    assert ("not as expected" in done.output) is mark
    assert len(list((tmp_path / "told").glob("*.html"))) == len(told) + 1


@pytest.mark.parametrize("cases", ["-1", "100001", "many"])
def test_a_library_of_an_impossible_size_is_a_usage_error(cases: str, tmp_path: Path) -> None:
    assert CliRunner().invoke(cli, ["demo", "--out", str(tmp_path / "demo"), "--cases", cases]).exit_code == 2
    assert not (tmp_path / "demo").exists()


@pytest.fixture
def one_story(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hospital, "STORIES", (contrast.shellfish_label,))


@pytest.mark.usefixtures("one_story")
def test_the_demo_launches_and_reviews_once_over_http_and_says_how_long_it_took(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["demo", "--out", str(tmp_path), "--cases", "0", "--port", "0", "--check"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert re.search(r"Shellfish allergy, contrast CT ordered: presented\. Session after [\d.]+ s, first content", done.output)
    assert not (tmp_path / "pages").exists()


@pytest.mark.usefixtures("one_story")
def test_a_story_that_does_not_end_as_it_must_fails_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hospital, "STORIES", (ends_otherwise,))
    done = CliRunner().invoke(cli, ["demo", "--out", str(tmp_path), "--cases", "0", "--port", "0", "--check"])
    assert done.exit_code == 1


@pytest.mark.usefixtures("one_story")
def test_a_port_that_is_taken_is_said_when_it_was_asked_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(cli, ["demo", "--out", str(tmp_path), "--cases", "0", "--port", port, "--check"])
    assert done.exit_code == 3
    assert "settings_invalid" in done.stderr


SERVED = """
from sandbox.patients import contrast, hospital
from sidenote.cli import main

hospital.STORIES = (contrast.shellfish_label,)
main()
"""


def test_ctrl_c_ends_the_demo_with_exit_code_0(tmp_path: Path) -> None:
    typed = [sys.executable, "-u", "-c", SERVED, "demo", "--out", str(tmp_path), "--cases", "0", "--port", "0"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "SIDENOTE_IMAGE_MODEL": "off"}
    with subprocess.Popen(typed, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=env) as demo:
        try:
            assert demo.stdout is not None
            link = next(found for line in demo.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+/", line)))
            with httpx.Client(verify=False) as http:
                assert "Pretend hospital" in http.get(link[0], timeout=60).text
            demo.send_signal(signal.SIGINT)
            _, told = demo.communicate(timeout=60)
        finally:
            demo.kill()
    assert (demo.returncode, told) == (0, "")
