"""The same patient, from files and from a FHIR server: the same evidence, statements and policy decisions, under faults too."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agent.graph import Finished, run_review
from agent.request import ReviewRequest
from agent.review import Review
from fhir.jsontext import loads
from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store
from sandbox.patients.hospital import stories
from sandbox.patients.story import CLOCK, Story
from sidenote.settings import Settings
from sidenote.wiring import wired

TOLD = stories()
each_story = pytest.mark.parametrize("story", TOLD, ids=lambda story: story.person.id)


def stored(hospital: Path) -> Store:
    """The hospital's files as a server holds them: its image files as Binary resources."""
    store = Store()
    for path in sorted(hospital.glob("*.json")):
        text = path.read_text().replace('"images/', '"Binary/').replace('.dcm"', '"')
        store.load_bundle(loads(text.encode()))
    for path in (hospital / "images").glob("*.dcm"):
        data = base64.b64encode(path.read_bytes()).decode()
        store.load([{"resourceType": "Binary", "id": path.stem, "contentType": "application/dicom", "data": data}])
    return store


@pytest.fixture(scope="module")
def server(hospital: Path) -> Iterator[Running]:
    with running(stored(hospital)) as found:
        yield found


@pytest.fixture(scope="module")
def by_wire(server: Running, review_all: Callable[[str], dict[str, Finished]]) -> dict[str, Finished]:
    return review_all(server.base)


def said(review: Review) -> dict[str, Any]:
    """What a review says, without what only the way of the record can differ in: versions, hashes and the manifest."""
    return {
        "status": review.status,
        "claims": [(claim.text, claim.kind, claim.polarity, claim.evidence) for claim in review.claims],
        "withheld": [(one.claim, one.reason) for one in review.withheld],
        "policies": [(policy.id, policy.outcome, policy.action, policy.message) for policy in review.policies],
        "evidence": [(item.id, item.kind, item.reference, item.text) for item in review.evidence],
        "similar": [case.key for case in review.similar_cases],
        "reading": review.reading,
    }


@each_story
def test_a_review_says_the_same_over_the_wire_as_from_files(
    story: Story, reviews: dict[str, Finished], by_wire: dict[str, Finished]
) -> None:
    assert said(by_wire[story.person.id].review) == said(reviews[story.person.id].review)


def test_the_manifest_says_how_each_type_was_asked(by_wire: dict[str, Finished]) -> None:
    manifest = by_wire["heart-failure"].review.manifest
    assert manifest.source == "server"
    asked = {pull.resource_type: pull for pull in manifest.asked}
    assert (asked["Observation"].how, asked["Observation"].state) == ("everything", "complete")
    assert asked["Observation"].got


def reviewed(home: Path, base: str, patient: str) -> Review:
    async def run() -> Finished:
        async with wired(Settings(home=home), (base,), image_model=False) as parts:
            return await run_review(ReviewRequest(patient, CLOCK, image_model=False), parts)

    return asyncio.run(run()).review


@pytest.fixture(scope="module")
def asked_type_by_type(hospital: Path) -> Iterator[Running]:
    with running(stored(hospital), Config(everything=False)) as found:
        yield found


@pytest.fixture
def by_type(asked_type_by_type: Running) -> Iterator[Running]:
    """A server without $everything, that refuses nothing yet."""
    yield asked_type_by_type
    asked_type_by_type.faults.clear()


@pytest.fixture(scope="module")
def whole_review(asked_type_by_type: Running, home: Path) -> Callable[[str], Review]:
    """What a review says where nothing is refused, made once a patient."""
    return cache(lambda patient: reviewed(home, asked_type_by_type.base, patient))


STRICTNESS = {"presented": 0, "abstained": 0, "needs_review": 1, "withheld": 2}


@pytest.mark.fault(7)
@pytest.mark.parametrize(
    "resource_type", ["MedicationRequest", "Observation", "AllergyIntolerance", "Condition", "DiagnosticReport", "ServiceRequest"]
)
@pytest.mark.parametrize("patient", ["metformin-egfr35", "apixaban-biopsy", "contrast-reaction"])
def test_a_refused_type_never_turns_a_warning_into_silence(
    by_type: Running, whole_review: Callable[[str], Review], home: Path, resource_type: str, patient: str
) -> None:
    whole = whole_review(patient)
    by_type.faults.forbid(resource_type)
    part = reviewed(home, by_type.base, patient)
    assert resource_type in part.manifest.incomplete
    assert STRICTNESS[part.status] >= 1
    fired = {policy.id for policy in whole.policies if policy.outcome == "fired"}
    now = {policy.id: policy.outcome for policy in part.policies}
    assert {identity: now[identity] for identity in fired if now[identity] == "clear"} == {}
