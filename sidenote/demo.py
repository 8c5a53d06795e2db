"""The demo as pages: review everybody of the pretend hospital, one after another, and say how each story ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from agent.graph import Finished, run_review
from agent.request import ReviewRequest
from sandbox.patients.story import CLOCK, Story
from sidenote.demo_files import hospital_files
from sidenote.render.layout import plain_status
from sidenote.render.overview import OverviewRow, overview
from sidenote.render.page import page
from sidenote.render.write import write_whole
from sidenote.settings import Settings
from sidenote.wiring import wired

LIBRARY_CASES = 2_000


@dataclass(frozen=True)
class DemoFolders:
    """Where the demo puts its things."""

    out: Path
    written: Path | None = None
    """Where the pages go, if not under `out`."""

    @property
    def hospital(self) -> Path:
        """Charts and images."""
        return self.out / "hospital"

    @property
    def pages(self) -> Path:
        """One page a patient, and the list of them."""
        return self.written or self.out / "pages"

    @property
    def home(self) -> Path:
        """Records, checkpoints and the case library."""
        return self.out / "home"


@dataclass(frozen=True)
class Told:
    """A story and how its review ended."""

    story: Story
    finished: Finished

    @property
    def fired(self) -> frozenset[str]:
        """Ids of the policies that fired."""
        return frozenset(policy.id for policy in self.finished.review.policies if policy.outcome == "fired")

    @property
    def as_expected(self) -> bool:
        """Whether it ended as the story says it must."""
        return self.finished.review.status == self.story.expected.status and self.fired == self.story.expected.fired


async def tell(folders: DemoFolders, settings: Settings) -> AsyncIterator[Told]:
    """Review every patient of the hospital, one after another, and write each page."""
    folders.pages.mkdir(parents=True, exist_ok=True)
    told = hospital_files(folders.hospital)
    async with wired(settings, (str(folders.hospital),)) as parts:
        for story in told:
            finished = await run_review(ReviewRequest(story.person.id, CLOCK, study=story.focal), parts)
            write_whole(folders.pages / f"{story.person.id}.html", page(finished.review, finished.pixels))
            yield Told(story, finished)


def write_overview(folders: DemoFolders, told: list[Told]) -> Path:
    """The page that lists them all."""
    rows = [
        OverviewRow(
            f"{item.story.person.given} {item.story.person.family}",
            item.story.title,
            item.finished.review.status,
            plain_status(item.finished.review),
            " ".join(sorted(item.fired)) or "–",
            f"{item.story.person.id}.html",
        )
        for item in told
    ]
    path = folders.pages / "index.html"
    lead = f"{len(told)} reviews as of {CLOCK:%d %B %Y, %H:%M} UTC, by the same engine as every door."
    write_whole(path, overview("The pretend hospital", lead, rows))
    return path
