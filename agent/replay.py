"""Making a review again from its flight record: no server, no image model, no case index, no network.

gather, draft, ground, guard and present run again on the recorded chart, study facts, reading and search result, with the rules,
guidance and composer at hand. What comes out is compared byte for byte with what was recorded.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.blobs import canonical, pack, sha256, unpack, unpack_chart
from agent.errors import RecordBroken
from agent.nodes.draft import draft
from agent.nodes.gather import Pack, gather
from agent.nodes.ground import ground_all, supported
from agent.nodes.guard import Guarded, guard
from agent.nodes.present import Findings, present
from agent.nodes.read import Read
from agent.nodes.retrieve import Retrieved
from agent.nodes.study import Facts
from agent.parts import TOKENS, Composer
from agent.request import ReviewRequest
from agent.review import Review, Versions
from agent.steps import Claims, Verdicts, guidance_fingerprint
from agent.verify import SealedRecord, open_record
from fhir.imaging import focal_study
from policies.guidance_pack import Topic
from policies.loading import rules_fingerprint
from policies.rule import Rule


@dataclass(frozen=True)
class ReplayParts:
    """What decides, given what was recorded."""

    rules: tuple[Rule, ...]
    topics: tuple[Topic, ...]
    compose: Composer
    composer: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One result, recorded and made again: its hashes."""

    name: str
    recorded: str
    again: str

    @property
    def equal(self) -> bool:
        """Whether they are the same bytes."""
        return self.recorded == self.again


@dataclass(frozen=True)
class Replayed:
    """What a replay found. `changed` names the versions that are no longer those of the record."""

    review: Review
    compared: tuple[Compared, ...]
    changed: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether every result is the same, byte for byte."""
        return all(result.equal for result in self.compared)


def replay(records: Path, review_id: str, parts: ReplayParts) -> Replayed:
    """Make the recorded review again and compare.

    Raises:
        RecordMissing: there is no such record.
        RecordBroken: the record does not verify, so nothing of it is used.
    """
    record = open_record(records, review_id)
    request = _request(record)
    versions = _versions(record)
    found = _again(record, request, parts, versions)
    review = present(request, found)
    results: tuple[tuple[str, str, bytes], ...] = (
        ("gather", "pack", pack(Pack, found.pack)),
        ("draft", "claims", pack(Claims, found.claims)),
        ("ground", "verdicts", pack(Verdicts, found.verdicts)),
        ("guard", "guarded", pack(Guarded, found.guarded)),
        ("present", "review", canonical(review.content())),
    )
    compared = tuple(Compared(name, sha256(_blob(record, step, name)), sha256(data)) for step, name, data in results)
    return Replayed(review, compared, _changed(versions, parts))


def recorded_review(record: SealedRecord) -> Review:
    """The review as it was recorded, with the step times of the record."""
    content = json.loads(_blob(record, "present", "review"))
    timings = {line["step"]: line["ms"] for line in record.lines if "ms" in line}
    return Review.model_validate_json(canonical({**content, "review_id": record.review_id, "timings": timings}))


def _again(record: SealedRecord, request: ReviewRequest, parts: ReplayParts, versions: Versions) -> Findings:
    chart = unpack_chart(_blob(record, "chart", "chart"))
    facts: Facts = unpack(Facts, _blob(record, "study", "study"))
    read: Read = unpack(Read, _blob(record, "read", "read"))
    retrieved: Retrieved = unpack(Retrieved, _blob(record, "retrieve", "retrieved"))
    study = focal_study(chart, request.study, request.as_of)
    evidence, case = gather(
        chart,
        request.as_of,
        parts.topics,
        study=study,
        facts=facts,
        read=read,
        retrieved=retrieved,
        question=request.question,
        budget=_budget(record),
    )
    claims = draft(case, evidence.evidence, parts.topics, parts.compose)
    verdicts = ground_all(claims, evidence.evidence, request.patient)
    kept = supported(claims, verdicts)
    guarded = guard(case, kept, parts.rules, facts, dropped=len(claims) - len(kept))
    return Findings(chart, study, facts, read, retrieved, evidence, claims, verdicts, guarded, versions)


def _request(record: SealedRecord) -> ReviewRequest:
    asked = json.loads(_blob(record, "bind", "request"))
    return ReviewRequest(
        patient=asked["patient"],
        as_of=datetime.fromisoformat(asked["as_of"]),
        study=asked["study"],
        question=asked["question"],
        image_model=asked["image_model"],
        review_id=asked["review_id"],
    )


def _budget(record: SealedRecord) -> int:
    """The budget its evidence was packed with; a record from before packs had one is packed with the usual one, and differs."""
    facts: dict[str, Any] = next((line.get("facts", {}) for line in record.lines if line["step"] == "gather"), {})
    return int(facts.get("budget", TOKENS))


def _versions(record: SealedRecord) -> Versions:
    facts: dict[str, Any] = next(line["facts"] for line in record.lines if line["step"] == "present")
    return Versions.model_validate(facts["versions"])


def _changed(then: Versions, parts: ReplayParts) -> tuple[str, ...]:
    now: tuple[tuple[str, Callable[[], str]], ...] = (
        ("rules", lambda: rules_fingerprint(parts.rules)),
        ("guidance", lambda: guidance_fingerprint(parts.topics)),
        ("composer", lambda: parts.composer),
    )
    return tuple(name for name, value in now if getattr(then, name) != value())


def _blob(record: SealedRecord, step: str, name: str) -> bytes:
    data = record.blob(step, name)
    if data is None:
        raise RecordBroken("the record lacks a step a replay needs", where=f"{step} {name}")
    return data
