"""Every back end by its name: it can be had, and nothing is opened that nobody said yes to."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest

from tools.med_vlm.catalogue import BACKENDS, check_model, open_model, open_reader
from tools.med_vlm.errors import BackendUnknown, LicenceNotAccepted
from tools.med_vlm.spec import ModelSpec


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


def test_asking_for_the_names_loads_no_model_library() -> None:
    code = "import sys; import tools.med_vlm.catalogue; print([m for m in ('torch', 'transformers', 'httpx', 'PIL') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == "[]"
