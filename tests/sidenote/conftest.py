"""The pretend hospital and a small case library, written once for all workers of a test run."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from agent.graph import Finished
from sidenote.cli import main

SMALL_LIBRARY = 160


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """`folder`, made by whoever comes first."""
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            fresh = folder.with_name(f"{folder.name}.fresh")
            make(fresh)
            fresh.replace(folder)
    return folder


@pytest.fixture(scope="session")
def hospital(shared: Path) -> Path:
    """The pretend hospital's files."""
    from sandbox.patients.hospital import write_hospital

    return once(shared / "hospital", write_hospital)


@pytest.fixture(scope="session")
def home(shared: Path) -> Path:
    """A home with a small phantom library."""
    from sidenote.commands.index import build_phantom_library
    from sidenote.settings import Settings

    return once(shared / "home", lambda folder: build_phantom_library(Settings(home=folder), SMALL_LIBRARY))


@pytest.fixture(scope="session")
def review_all(home: Path) -> Callable[[str], dict[str, Finished]]:
    """Reviews every story of the pretend hospital, from a source that has it."""
    from agent.graph import run_review
    from agent.request import ReviewRequest
    from sandbox.patients.hospital import stories
    from sandbox.patients.story import CLOCK
    from sidenote.settings import Settings
    from sidenote.wiring import wired

    async def review(source: str) -> dict[str, Finished]:
        async with wired(Settings(home=home), (source,)) as parts:
            return {story.person.id: await run_review(ReviewRequest(story.person.id, CLOCK), parts) for story in stories()}

    return lambda source: asyncio.run(review(source))


@pytest.fixture(scope="session")
def reviews(hospital: Path, review_all: Callable[[str], dict[str, Finished]]) -> dict[str, Finished]:
    """Every story, reviewed from the hospital's files."""
    return review_all(str(hospital))


@dataclass(frozen=True)
class Ended:
    """How one call of the command line ended."""

    code: int
    out: str
    err: str

    @property
    def problem(self) -> dict[str, object]:
        """The one problem document on stderr; anything beside it there is a failure."""
        (line,) = self.err.splitlines()
        document: dict[str, object] = json.loads(line)
        return document

    def refused(self, code: str, case_id: str | None, *private: str) -> dict[str, object]:
        """Assert a refusal: exit code 3, nothing on stdout, one problem document, and none of the `private` words in it."""
        assert self.code == 3, (self.code, self.out[-500:], self.err[-2000:])
        assert self.out == ""
        document = self.problem
        assert (document["code"], document["case_id"]) == (code, case_id), document
        assert [word for word in private if word.lower() in self.err.lower()] == []
        return document


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Ended]:
    """Call the command line in this process as the console script does, with an empty home. Keywords set `SIDENOTE_*` variables."""
    monkeypatch.setenv("SIDENOTE_HOME", str(tmp_path / "home"))

    def call(*arguments: object, **variables: object) -> Ended:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["sidenote", *map(str, arguments)])
            for name, value in variables.items():
                patch.setenv(f"SIDENOTE_{name.upper()}", str(value))
            capfd.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        captured = capfd.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return call
