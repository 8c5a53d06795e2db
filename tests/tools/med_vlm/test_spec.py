"""One `[[model]]` table."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tools.med_vlm.spec import ModelSpec

LEAST: dict[str, Any] = {"name": "medgemma", "backend": "transformers", "source": "/models/medgemma", "licence": "hai-def"}


def test_an_entry_says_what_its_model_may_be_shown() -> None:
    spec = ModelSpec.model_validate({**LEAST, "views": ["PA"], "youngest": 18, "sees_priors": True, "most_images": 2})
    profile = spec.profile("generative reader")
    assert (profile.views, profile.youngest, profile.oldest) == (("PA",), 18, None)
    assert (profile.sees_priors, profile.most_images, profile.licence) == (True, 2, "hai-def")


def test_an_entry_that_says_nothing_more_is_of_frontal_chest_radiographs_and_accepts_no_licence() -> None:
    spec = ModelSpec.model_validate(LEAST)
    assert (spec.body_parts, spec.views, spec.accept_noncommercial, spec.probe) == (("chest",), ("PA", "AP"), False, True)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Med Gemma"},
        {"name": "../x"},
        {"revision": "main"},
        {"timeout": 0},
        {"reading_timeout": 0},
        {"reading_timeout": 20_000},
        {"samples": 0},
        {"format": "yaml"},
        {"answers_by": "guess"},
        {"most_images": 9},
        {"surprise": 1},
        {"licence": None},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ModelSpec.model_validate({**LEAST, **change})
