"""Decisions and drafts to try the store, the gate and the writing with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.graph import run_review
from agent.request import ReviewRequest
from agent.review import Review, ReviewClaim
from fhir.jsontext import dumps
from policies.evidence import Evidence
from sandbox.patients.builder import bundle
from sandbox.patients.hospital import stories
from sandbox.patients.story import CLOCK
from sidenote.decisions.decision import Decision, Draft
from sidenote.decisions.store import Decisions
from sidenote.settings import Settings
from sidenote.wiring import wired

IMAGE = "5" * 64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "home" / "store.sqlite"


@pytest.fixture
def decisions(path: Path) -> Decisions:
    """An empty store."""
    return Decisions(path)


@pytest.fixture(scope="session")
def decide() -> Callable[..., Decision]:
    """Makes a decision, an approval unless told otherwise."""

    def make(**changes: Any) -> Decision:
        plain: dict[str, Any] = {
            "ehr": "general",
            "review_id": "r-1",
            "claim": "C1",
            "action": "approve",
            "text": "Contrast may harm the kidneys.",
            "reason": "",
            "by": "Practitioner/d1",
            "at": "2026-11-20T09:00:00Z",
            "shown_sha256": "a" * 64,
            "session": "s-1",
            "record": "b" * 64,
        }
        return Decision(**{**plain, **changes})

    return make


@pytest.fixture(scope="session")
def draft() -> Draft:
    """A draft that nobody reads."""
    return Draft("p1", '{"resourceType":"DetectedIssue"}', '{"resourceType":"Provenance"}')


@pytest.fixture(scope="session")
def review(tmp_path_factory: pytest.TempPathFactory) -> Review:
    """A real review of a patient with bad kidneys before contrast: a caution (C1), a recommendation (C2) and, put in by hand, an image
    finding (C9) with its evidence (E99)."""
    folder = tmp_path_factory.mktemp("review")
    story = next(one for one in stories() if one.person.id == "ckd4-contrast")
    (folder / "chart.json").write_bytes(dumps(bundle(story.resources)))

    async def made() -> Review:
        async with wired(Settings(home=folder / "home"), (str(folder / "chart.json"),), image_model=False) as parts:
            request = ReviewRequest(story.person.id, CLOCK, review_id="r-1")
            return (await run_review(request, parts)).review

    plain = asyncio.run(made())
    seen = Evidence(
        id="E99",
        kind="image_finding",
        reference=f"image:{IMAGE}",
        text="cardiomegaly 0.93",
        sha256=IMAGE,
        patient=plain.patient.reference,
        finding="cardiomegaly",
        polarity="present",
        probability=0.93,
    )
    said = ReviewClaim(
        id="C9", text="The heart looks enlarged.", kind="finding", evidence=("E99",), finding="cardiomegaly", verdict="supported", checks=()
    )
    return plain.model_copy(update={"evidence": (*plain.evidence, seen), "claims": (*plain.claims, said)})


@pytest.fixture(scope="session")
def claim(review: Review) -> Callable[[str], ReviewClaim]:
    """A claim of the review by its id."""
    return lambda id_: next(one for one in review.claims if one.id == id_)
