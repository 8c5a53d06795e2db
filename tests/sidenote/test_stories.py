"""Every story of the pretend hospital ends as it must, through the whole path: files, images, model, library, rules."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent.graph import Finished, run_review
from agent.request import ReviewRequest
from fhir.source import open_source
from sandbox.patients.hospital import stories
from sandbox.patients.story import CLOCK, Story
from sidenote.settings import Settings
from sidenote.wiring import wired

TOLD = stories()


each_story = pytest.mark.parametrize("story", TOLD, ids=lambda story: story.person.id)


@each_story
def test_ends_as_it_must(story: Story, reviews: dict[str, Finished]) -> None:
    review = reviews[story.person.id].review
    fired = {policy.id for policy in review.policies if policy.outcome == "fired"}
    assert (review.status, fired) == (story.expected.status, set(story.expected.fired))


@each_story
def test_says_what_it_must_and_not_what_it_must_not(story: Story, reviews: dict[str, Finished]) -> None:
    said = [claim.text.lower() for claim in reviews[story.person.id].review.claims]
    assert [words for words in story.expected.says if not any(words.lower() in text for text in said)] == []
    assert [words for words in story.expected.never if any(words.lower() in text for text in said)] == []


@each_story
def test_the_model_reads_what_was_drawn(story: Story, reviews: dict[str, Finished]) -> None:
    reading = reviews[story.person.id].review.reading
    present = {(item.key, item.side) for item in reading.findings if item.presence == "present"} if reading else set()
    assert set(story.expected.reads) <= present


@each_story
def test_every_shown_statement_rests_on_evidence_that_stands_in_the_source(
    story: Story, reviews: dict[str, Finished], hospital: Path
) -> None:
    chart = asyncio.run(open_source(str(hospital)).chart(story.person.id))
    review = reviews[story.person.id].review
    evidence = {item.id: item for item in review.evidence}
    for claim in review.claims:
        assert claim.evidence
        for item in (evidence[identity] for identity in claim.evidence):
            assert item.patient in (None, chart.patient.reference)
            fact = chart.get(item.reference)
            if item.kind in ("chart_fact", "report_sentence"):
                assert fact is not None
                assert fact.sha256 == item.sha256


def test_two_reviews_of_one_snapshot_are_the_same_but_for_id_and_times(hospital: Path, home: Path, reviews: dict[str, Finished]) -> None:
    async def again() -> Finished:
        async with wired(Settings(home=home), (str(hospital),)) as parts:
            return await run_review(ReviewRequest("tension-ptx", CLOCK), parts)

    assert asyncio.run(again()).review.content() == reviews["tension-ptx"].review.content()


def test_the_record_alone_is_reviewed_when_the_image_model_is_off(hospital: Path, home: Path) -> None:
    async def without() -> Finished:
        async with wired(Settings(home=home), (str(hospital),), image_model=False) as parts:
            return await run_review(ReviewRequest("ckd4-contrast", CLOCK, image_model=False), parts)

    review = asyncio.run(without()).review
    assert review.reading is None
    assert review.reading_mode == "off"
    assert "C01" in {policy.id for policy in review.policies if policy.outcome == "fired"}
