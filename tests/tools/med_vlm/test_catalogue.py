"""Every back end by its name: it can be had, and nothing is opened that nobody said yes to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from tools.med_vlm.asked import Asked, asked_of
from tools.med_vlm.asking.questioned import QuestionedReader
from tools.med_vlm.catalogue import BACKENDS, check_model, guarded, open_model, open_reader
from tools.med_vlm.deadline import require_time
from tools.med_vlm.doubles.scripted import ScriptedModel
from tools.med_vlm.errors import BackendUnknown, LicenceNotAccepted, ModelServerUnreachable, ModelTimedOut
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Answered, Question


class InTime(ScriptedModel):
    def choose(self, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
        require_time()
        return super().choose(asked, questions)


def spec(**more: Any) -> ModelSpec:
    return ModelSpec.model_validate({"name": "m", "backend": "openai", "source": "http://127.0.0.1:9/v1", "licence": "MIT", **more})


@pytest.mark.parametrize("name", BACKENDS)
def test_each_name_leads_to_a_function_that_opens_a_model(name: str) -> None:
    module, _, function = BACKENDS[name].opener.partition(":")
    assert callable(getattr(import_module(f"tools.med_vlm.backends.{module}"), function))


def test_a_name_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(BackendUnknown, match="transformers"):
        check_model(spec(backend="magic"))


@pytest.mark.fault(118)
@pytest.mark.parametrize("licence", ["CC-BY-NC-4.0", "MSRLA", "", "something of their own"])
def test_a_licence_that_nobody_said_yes_to_opens_nothing(licence: str) -> None:
    for opened in (check_model, open_model, open_reader):
        with pytest.raises(LicenceNotAccepted):
            opened(spec(licence=licence))
    check_model(spec(licence=licence, accept_noncommercial=True))


@pytest.mark.fault(66)
@pytest.mark.parametrize("probe", [True, False])
def test_the_whole_of_a_reading_is_bounded_also_while_its_server_is_not_there(probe: bool) -> None:
    reader = open_reader(spec(probe=probe, reading_timeout=1e-9))
    asked = asked_of(np.tile(np.linspace(0.2, 0.8, 96, dtype=np.float32), (96, 1)))
    with pytest.raises((ModelServerUnreachable, ModelTimedOut)) as raised:
        reader.read(asked)
    assert type(raised.value) is ModelTimedOut
    with pytest.raises(ModelTimedOut):
        guarded(QuestionedReader(InTime()), others=0, seconds=1e-9).read(asked)
    assert guarded(QuestionedReader(InTime()), others=0).read(asked).findings


def test_asking_for_the_names_loads_no_model_library() -> None:
    code = "import sys; import tools.med_vlm.catalogue; print([m for m in ('torch', 'transformers', 'httpx', 'PIL') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == "[]"
