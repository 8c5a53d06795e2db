"""A review made again from its record alone is the same, byte for byte."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from agent.composers.deterministic import compose
from agent.errors import RecordBroken, RecordMissing
from agent.record import BLOBS
from agent.replay import ReplayParts, recorded_review, replay
from agent.verify import open_record
from tools.med_vlm.asked import Asked
from tools.med_vlm.asking.questioned import QuestionedReader
from tools.med_vlm.awaited import Awaited
from tools.med_vlm.catalogue import guarded
from tools.med_vlm.doubles.fake import SeededReader
from tools.med_vlm.doubles.scripted import ScriptedModel
from tools.med_vlm.errors import ModelServerUnreachable
from tools.med_vlm.reading import Reader, Reading

if TYPE_CHECKING:
    from tests.agent.conftest import Clinic


def deciders(clinic: Clinic) -> ReplayParts:
    return ReplayParts(clinic.rules, clinic.topics, compose, "deterministic 1")


@pytest.mark.parametrize("patient", ["ckd4-contrast", "heart-failure", "wrong-patient", "injected-note", "laterality"])
def test_a_replay_gives_the_same_evidence_claims_verdicts_and_policies(clinic: Clinic, patient: str) -> None:
    done = clinic.review(clinic.ask(patient), reader=SeededReader())
    again = replay(clinic.records, done.review.review_id, deciders(clinic))
    assert [result.name for result in again.compared] == ["pack", "claims", "verdicts", "guarded", "review"]
    assert again.equal, again.compared
    assert again.changed == ()
    assert again.review.content() == done.review.content()


VIVID = json.dumps(
    {
        "text": "There is a <p>left pleural effusion</p>. No pneumothorax.",
        "phrases": [{"boxes": [[0.5, 0.6, 0.9, 0.95, 0.7]], "masks": [{"rows": 4, "columns": 4, "runs": [5, 2, 9]}]}],
    }
)


class Near(QuestionedReader):
    """Says that every image is like those of a calibration: without that nothing of a reading is shown (policy S05)."""

    def read(self, asked: Asked) -> Reading:
        return super().read(asked).model_copy(update={"ood_score": 1.0, "ood_threshold": 2.0})


def test_what_a_brought_model_read_is_replayed_with_its_places_and_words(clinic: Clinic) -> None:
    model = ScriptedModel({"pleural_effusion": 0.9, "pleural_effusion.side": 0.9}, [[VIVID]])
    reader = guarded(Near(model, "vividmed"), others=0)
    done = clinic.review(clinic.ask("heart-failure"), reader=reader)
    reading = done.review.reading
    assert reading is not None, done.review.manifest.notes
    assert not reading.abstained
    effusion = next(one for one in reading.findings if one.key == "pleural_effusion")
    assert effusion.mask is not None
    assert effusion.regions
    again = replay(clinic.records, done.review.review_id, deciders(clinic))
    assert again.equal, again.compared
    assert again.review.reading == reading


def test_of_a_brought_model_that_nobody_calibrated_nothing_is_shown_and_it_is_said_why(clinic: Clinic) -> None:
    model = ScriptedModel({"pleural_effusion": 0.9, "pneumothorax": 0.9}, [[VIVID]])
    done = clinic.review(clinic.ask("heart-failure"), reader=guarded(QuestionedReader(model, "vividmed"), others=0))
    assert (done.review.reading, done.review.reading_mode) == (None, "withheld")
    assert "what the image model read is withheld by policy S05" in done.review.manifest.notes
    assert "effusion</p>" not in done.review.model_dump_json()
    assert not any(item.kind == "image_finding" for item in done.review.evidence)


@pytest.mark.fault(66)
def test_a_model_that_is_not_there_leaves_a_review_that_replays(clinic: Clinic) -> None:
    def away() -> Reader:
        raise ModelServerUnreachable("no connection")

    done = clinic.review(clinic.ask("heart-failure"), reader=Awaited("own", SeededReader().profile, away))
    assert done.review.reading is None
    assert done.review.reading_mode == "refused"
    assert "no reading of the image: model_server_unreachable" in done.review.manifest.notes
    assert replay(clinic.records, done.review.review_id, deciders(clinic)).equal


def test_a_replay_needs_no_network_and_no_files_of_the_source(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    done = clinic.review(clinic.ask("heart-failure"))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a replay opened a socket or a source")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr("fhir.files.FileSource.chart", refuse)
    monkeypatch.setattr("fhir.pixels.decode", refuse)
    assert replay(clinic.records, done.review.review_id, deciders(clinic)).equal


@pytest.mark.parametrize("tokens", [1_000, 1_500, 32_000])
def test_a_replay_packs_with_the_budget_and_the_question_of_the_record(clinic: Clinic, tokens: int) -> None:
    asked = clinic.ask("ckd4-contrast", question="How is the blood pressure?")
    done = clinic.review(asked, evidence_tokens=tokens)
    pack = done.review.manifest.pack
    assert pack is not None
    assert pack.tokens <= pack.budget == tokens
    assert bool(done.review.manifest.overflow) == (tokens < 32_000)
    assert replay(clinic.records, done.review.review_id, deciders(clinic)).equal


def test_with_other_rules_a_replay_says_what_changed_and_what_differs(clinic: Clinic) -> None:
    done = clinic.review(clinic.ask("ckd4-contrast"))
    fewer = tuple(rule for rule in clinic.rules if rule.id != "C01")
    again = replay(clinic.records, done.review.review_id, ReplayParts(fewer, clinic.topics, compose, "deterministic 1"))
    assert again.changed == ("rules",)
    assert [result.name for result in again.compared if not result.equal] == ["guarded", "review"]


def test_with_another_composer_a_replay_differs(clinic: Clinic) -> None:
    done = clinic.review(clinic.ask("ckd4-contrast"))
    silent = ReplayParts(clinic.rules, clinic.topics, lambda case, evidence, topics: (), "silent 1")
    again = replay(clinic.records, done.review.review_id, silent)
    assert again.changed == ("composer",)
    assert not again.equal


@pytest.mark.fault(117)
@pytest.mark.parametrize("choose", [min, max], ids=["the first blob", "the last blob"])
def test_a_changed_record_is_not_replayed(clinic: Clinic, choose: Callable[..., str]) -> None:
    done = clinic.review(clinic.ask("heart-failure"))
    blobs = clinic.records / done.review.review_id / BLOBS
    path = blobs / choose(path.name for path in blobs.iterdir())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(RecordBroken) as broken:
        replay(clinic.records, done.review.review_id, deciders(clinic))
    assert path.name in broken.value.where


def test_a_record_that_is_not_there_is_not_replayed(clinic: Clinic) -> None:
    clinic.records.mkdir()
    with pytest.raises(RecordMissing):
        replay(clinic.records, "nobody", deciders(clinic))


def test_the_recorded_review_is_the_review(clinic: Clinic) -> None:
    done = clinic.review(clinic.ask("heart-failure"), reader=SeededReader())
    recorded = recorded_review(open_record(clinic.records, done.review.review_id))
    assert recorded.content() == done.review.content()
    assert recorded.review_id == done.review.review_id
    assert recorded.timings["study"] > 0
