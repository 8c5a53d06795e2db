"""The demo's own parts: what a told story is, when it ended as it must, and the list of them. The whole of it: commands/test_demo.py."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.patients import contrast, hospital
from sandbox.patients.story import CLOCK
from sidenote.demo import DemoFolders, Told, tell, write_overview
from sidenote.settings import Settings


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoFolders, list[Told]]:
    """Two stories without images, told from the record alone."""
    folders = DemoFolders(tmp_path_factory.mktemp("demo"))
    settings = Settings(home=folders.home, image_model="off")

    async def all_of_it() -> list[Told]:
        return [item async for item in tell(folders, settings)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hospital, "STORIES", (contrast.shellfish_label, contrast.severe_contrast_reaction))
        return folders, asyncio.run(all_of_it())


def test_tells_the_stories_in_order_at_the_hospitals_moment_and_writes_each_page(told: tuple[DemoFolders, list[Told]]) -> None:
    folders, items = told
    assert [item.story.person.id for item in items] == ["shellfish-label", "contrast-reaction"]
    for item in items:
        assert item.finished.review.as_of == CLOCK.isoformat()
        assert item.finished.review.patient.reference == f"Patient/{item.story.person.id}"
        assert (folders.hospital / f"{item.story.person.id}.json").is_file()
        assert item.story.person.id in (folders.pages / f"{item.story.person.id}.html").read_text("utf-8")


def test_everything_lies_under_the_folder_that_was_asked_for(told: tuple[DemoFolders, list[Told]]) -> None:
    folders, _ = told
    assert {path.name for path in folders.out.iterdir()} == {"hospital", "pages", "home"}
    assert {folder.parent for folder in (folders.hospital, folders.pages, folders.home)} == {folders.out}


@pytest.mark.parametrize(
    ("change", "as_expected"),
    [
        ({}, True),
        ({"status": "needs_review"}, False),
        ({"fired": frozenset()}, False),
        ({"fired": frozenset({"C10", "C01"})}, False),
        ({"fired": frozenset({"C01"})}, False),
        ({"says": ("words nobody said",)}, True),
    ],
    ids=["as told", "another end", "a policy too many", "a policy missing", "another policy", "words are the tests' to check"],
)
def test_a_story_ended_as_it_must_when_status_and_exactly_its_policies_agree(
    change: dict[str, Any], as_expected: bool, told: tuple[DemoFolders, list[Told]]
) -> None:
    item = told[1][0]
    assert item.fired == {"C10"}
    assert replace(item, story=replace(item.story, expected=replace(item.story.expected, **change))).as_expected is as_expected


def test_the_list_names_each_with_what_fired_and_a_dash_for_nothing(told: tuple[DemoFolders, list[Told]], tmp_path: Path) -> None:
    folders, items = told
    review = items[1].finished.review
    silent = replace(items[1], finished=replace(items[1].finished, review=review.model_copy(update={"policies": ()})))
    other = DemoFolders(tmp_path)
    other.pages.mkdir()
    listed = write_overview(other, [items[0], silent])
    text = listed.read_text("utf-8")
    assert listed == tmp_path / "pages" / "index.html"
    assert text.index("Élodie Moreau") < text.index("C10") < text.index("Rima Haddad") < text.index("<td>–</td>")
    assert "2 reviews as of 20 November 2026, 09:00 UTC" in text
    assert not (folders.pages / "index.html").exists()
