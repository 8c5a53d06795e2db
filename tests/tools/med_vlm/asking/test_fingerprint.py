"""Whatever moves an answer moves the mark that a calibration belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tools.med_vlm.asking import fingerprint as marking
from tools.med_vlm.asking import questions
from tools.med_vlm.asking.fingerprint import fingerprint
from tools.med_vlm.backends import captions
from tools.med_vlm.doubles.scripted import PROFILE, ScriptedModel
from tools.med_vlm.formats.forms import FORMS
from tools.med_vlm.report import prompting


def model(*, writes: bool = True, **profile: Any) -> ScriptedModel:
    return ScriptedModel(scripts=[["A report."]] if writes else [], profile=PROFILE.model_copy(update=profile))


def mark(asked: ScriptedModel | None = None, **more: Any) -> str:
    return fingerprint(asked or model(), FORMS[more.pop("form", "json")], **more)


@pytest.mark.fault(68)
@pytest.mark.parametrize(
    "other",
    [
        lambda: mark(model(most_images=2)),
        lambda: mark(model(sees_priors=True)),
        lambda: mark(model(further_views=("LL",))),
        lambda: mark(model(findings=("pleural_effusion",))),
        lambda: mark(model(writes=False)),
        lambda: mark(form="prose"),
        lambda: mark(samples=3),
        lambda: mark(runs_on="cuda"),
    ],
)
def test_another_way_of_asking_is_another_mark(other: Callable[[], str]) -> None:
    assert other() != mark()
    assert other() == other()


@pytest.mark.fault(68)
def test_another_model_is_another_mark() -> None:
    class Other(ScriptedModel):
        fingerprint = "1" * 64

    assert fingerprint(Other(), FORMS["json"]) != fingerprint(ScriptedModel(), FORMS["json"])


def worded(**change: str) -> Callable[[pytest.MonkeyPatch], None]:
    words = questions.WORDINGS["nodule"]
    return lambda patch: patch.setitem(questions.WORDINGS, "nodule", replace(words, **change))


@pytest.mark.fault(68)
@pytest.mark.parametrize(
    "change",
    [
        worded(question="a nodule"),
        worded(present="nodule"),
        worded(absent="clear lungs"),
        lambda patch: patch.setattr(captions, "_with_view", lambda words, view: f"{words}!"),
        lambda patch: patch.setattr(prompting, "_MOST_TOKENS", 64),
        lambda patch: patch.setattr(prompting, "_template", lambda name: ("Be brief.", "Describe $who.")),
        lambda patch: patch.setattr(prompting, "_UNKNOWN", "not known"),
        lambda patch: patch.setattr(marking, "_VERSION", "another"),
    ],
    ids=["question", "caption", "denial", "lines before images", "tokens", "prompt", "words for nothing", "our code"],
)
def test_another_wording_is_another_mark(change: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    before = {form: mark(form=form) for form in FORMS}
    change(monkeypatch)
    assert any(mark(form=form) != before[form] for form in FORMS)


def test_a_model_that_only_chooses_has_no_report_in_its_mark() -> None:
    assert mark(model(writes=False), form="prose") == mark(model(writes=False), form="json", samples=3)


def test_what_a_model_may_be_shown_of_whom_moves_no_answer() -> None:
    assert mark(model(youngest=18.0, views=("PA",), licence="MIT")) == mark()
