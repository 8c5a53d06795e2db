"""A whole review of a story whose images stand on the image server alone, under one patient's token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agent.graph import run_review
from agent.parts import Parts
from agent.request import ReviewRequest
from agent.review import Review
from fhir.access import Access
from fhir.imaging import studies
from fhir.server import ServerSource
from fhir.source import Source
from fhir.wire.authorization import Bearer
from sandbox.ehr.config import Config
from sandbox.ehr.dicomweb.endpoint import name_images
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store
from sandbox.patients.hospital import image_file, stories
from sandbox.patients.story import CLOCK, Story
from sidenote.settings import Settings
from sidenote.wiring import standing

TOLD = {story.person.id: story for story in stories() if story.person.id in ("heart-failure", "wrong-patient")}


def without_attachments(story: Story) -> Iterator[dict[str, Any]]:
    return (dict(resource) for resource in story.resources if resource["resourceType"] != "DocumentReference")


@pytest.fixture(scope="module")
def files() -> dict[str, list[bytes]]:
    return {patient: [image_file(image) for image in story.images] for patient, story in TOLD.items()}


@pytest.fixture(scope="module")
def ward(files: dict[str, list[bytes]]) -> Iterator[Running]:
    records = [resource for story in TOLD.values() for resource in without_attachments(story)]
    with running(Store(records), Config(requires_token=True)) as server:
        for file in (each for several in files.values() for each in several):
            server.hospital.images.add(file)
        name_images(server.hospital)
        yield server


def source_of(ward: Running, patient: str) -> ServerSource:
    """The hospital as a token of one patient shows it."""
    return ServerSource(ward.base, Access(authorization=Bearer(ward.auth.issue("patient/*.rs", patient=patient))))


@pytest.fixture(scope="module")
def reviews(ward: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Review]:
    """Both stories, reviewed one after the other by the same parts."""

    async def reviewed(patient: str, parts_with: Callable[[Source], Parts]) -> Review:
        source = source_of(ward, patient)
        try:
            return (await run_review(ReviewRequest(patient, CLOCK), parts_with(source))).review
        finally:
            await source.aclose()

    async def run() -> dict[str, Review]:
        async with standing(Settings(home=tmp_path_factory.mktemp("home"))) as parts_with:
            return {patient: await reviewed(patient, parts_with) for patient in TOLD}

    return asyncio.run(run())


@pytest.mark.slow
@pytest.mark.std("E6")
def test_a_review_reads_the_picture_that_the_image_server_gave(ward: Running, reviews: dict[str, Review]) -> None:
    asked = [(each.path, each.status) for each in ward.faults.log if each.path.startswith("/dicomweb/")]
    assert {status for _, status in asked} == {200}
    assert any("/instances/" in path and not path.endswith("/metadata") for path, _ in asked)
    review = reviews["heart-failure"]
    assert review.reading is not None
    assert review.reading.findings
    assert "image_finding" in {item.kind for item in review.evidence}


@pytest.mark.slow
@pytest.mark.std("D3")
def test_a_picture_that_is_of_somebody_else_by_its_tags_is_not_read(reviews: dict[str, Review]) -> None:
    review = reviews["wrong-patient"]
    assert review.reading is None or not review.reading.findings
    assert "image_finding" not in {item.kind for item in review.evidence}


@pytest.mark.std("D1")
def test_our_source_fetches_each_file_to_the_byte_and_under_anothers_token_none(ward: Running, files: dict[str, list[bytes]]) -> None:
    async def fetched(bearer: str) -> tuple[list[bytes], set[str]]:
        chart_source, source = source_of(ward, "heart-failure"), source_of(ward, bearer)
        try:
            listed = [await source.images_of(study, 5) for study in studies(await chart_source.chart("heart-failure"))]
            found = [await source.fetch(image) for each in listed for image in each.images]
            return sorted(found), {code for each in listed for code in each.refused}
        finally:
            await chart_source.aclose()
            await source.aclose()

    assert asyncio.run(fetched("heart-failure")) == (sorted(files["heart-failure"]), set())
    assert asyncio.run(fetched("wrong-patient")) == ([], {"not_there"})
