"""A small pretend hospital and the parts of a review around it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from agent.checkpoints import open_checkpoints
from agent.composers.deterministic import compose
from agent.graph import Finished, run_review
from agent.parts import Parts
from agent.request import ReviewRequest
from agent.workspace import Charted, Listener
from fhir.jsontext import dumps
from fhir.pixels import close_workers
from fhir.source import Source, open_source
from policies.engine import load_rules
from policies.guidance_pack import Topic, load_topics
from policies.rule import Rule
from sandbox.patients.builder import bundle
from sandbox.patients.hospital import image_file, stories
from sandbox.patients.story import CLOCK

TOLD = ("ckd4-contrast", "heart-failure", "wrong-patient", "injected-note", "laterality")


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with some patients of the pretend hospital: their bundles and images."""
    folder = tmp_path_factory.mktemp("hospital")
    (folder / "images").mkdir()
    for story in stories():
        if story.person.id in TOLD:
            (folder / f"{story.person.id}.json").write_bytes(dumps(bundle(story.resources)))
            for image in story.images:
                (folder / image.path).write_bytes(image_file(image))
    return folder


@pytest.fixture(scope="session", autouse=True)
def _no_workers_left() -> Iterator[None]:
    """End the decoders of the session."""
    yield
    close_workers()


@pytest.fixture(scope="session")
def rules() -> tuple[Rule, ...]:
    """The shipped rules."""
    return load_rules()


@pytest.fixture(scope="session")
def topics() -> tuple[Topic, ...]:
    """The shipped guidance."""
    return load_topics()


@dataclass(frozen=True)
class Clinic:
    """Makes reviews with the shipped parts, less the image model and the case library unless a test gives them."""

    folder: Path
    source: Source
    rules: tuple[Rule, ...]
    topics: tuple[Topic, ...]

    @property
    def records(self) -> Path:
        """Where the flight records are."""
        return self.folder / "records"

    @property
    def database(self) -> Path:
        """Where the checkpoints are."""
        return self.folder / "checkpoints.sqlite"

    @staticmethod
    def ask(patient: str, **more: Any) -> ReviewRequest:
        """A request on the pretend hospital's day."""
        return ReviewRequest(patient, CLOCK, **more)

    def review(self, request: ReviewRequest, on_step: Listener | None = None, on_chart: Charted | None = None, **parts: Any) -> Finished:
        """One review, from start to end."""
        return self.reviews(request, on_step=on_step, on_chart=on_chart, **parts)[0]

    def reviews(
        self, *requests: ReviewRequest, on_step: Listener | None = None, on_chart: Charted | None = None, **parts: Any
    ) -> list[Finished]:
        """Several reviews at once, in one process and one event loop."""

        async def made() -> list[Finished]:
            async with open_checkpoints(self.database) as checkpoints:
                whole = Parts(self.source, self.records, checkpoints, self.rules, self.topics, compose, "deterministic 1", "0.1.0")
                chosen = replace(whole, **parts)
                return await asyncio.gather(*(run_review(request, chosen, on_step=on_step, on_chart=on_chart) for request in requests))

        return asyncio.run(made())


@pytest.fixture
def clinic(tmp_path: Path, hospital: Path, rules: tuple[Rule, ...], topics: tuple[Topic, ...]) -> Clinic:
    """A clinic over the small hospital, with records and checkpoints of its own."""
    return Clinic(tmp_path, open_source(hospital), rules, topics)


@pytest.fixture(scope="session")
def hospital_reviews(
    tmp_path_factory: pytest.TempPathFactory, hospital: Path, rules: tuple[Rule, ...], topics: tuple[Topic, ...]
) -> dict[str, Finished]:
    """Every patient of the small hospital, reviewed once. For tests that look and change nothing."""
    clinic = Clinic(tmp_path_factory.mktemp("reviews"), open_source(hospital), rules, topics)
    return dict(zip(TOLD, clinic.reviews(*(clinic.ask(patient) for patient in TOLD)), strict=True))
