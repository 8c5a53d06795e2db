"""One mark of all that moves an answer: the model, what it is asked in which words, and what it is shown.

A calibration belongs to it (`tools.med_vlm.trust.fitted`): it holds no longer once any of that changed. It is put together here, where
model, questions and prompt meet, so that no back end has to think of it. A back end's own fingerprint is of its weights and of how it
comes to scores.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np

from fhir.codes import FINDING
from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.asking.questions import question, side_question
from tools.med_vlm.backends.captions import captioned
from tools.med_vlm.formats.forms import Form
from tools.med_vlm.profile import Profile
from tools.med_vlm.report.prompting import again, prompt
from tools.med_vlm.vision_model import Prompt, Question, VisionModel

_VERSION = "asked 2"
"""Raise when the same model, asked the same in the same words, comes to be taken otherwise: sides, sentences, what is left out."""
_IMAGE = Image(np.zeros((1, 1), np.float32), view="PA")
_SPOKEN_OF = Asked((_IMAGE,) * 4, (_IMAGE,), "a question", "a reason", 70, "female")
"""Everything that words can be about."""


def fingerprint(model: VisionModel, form: Form, *, samples: int = 1, runs_on: str = "") -> str:
    """SHA-256 over what every answer of `model` depends on when it is asked as `tools.med_vlm.asking.questioned` asks it.

    `runs_on`: the device class of a model in this process, whose number format is another on each; empty where a server decides.

    Raises:
        MedVlmError: the model's own fingerprint cannot be had, since its server is not there.
    """
    told = {
        "version": _VERSION,
        "model": model.fingerprint,
        "runs on": runs_on,
        "shown": [
            model.profile.most_images,
            model.profile.further_views,
            model.profile.sees_priors,
            *(line for line, _ in captioned(_SPOKEN_OF, 4, prior=True)),
        ],
        "questions": [asdict(one) for one in _questions(model.profile)],
        "report": [form.name, samples, *(asdict(one) for one in _prompts(form))] if model.writes else [],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _questions(profile: Profile) -> Iterator[Question]:
    for key in (key for key in FINDING if key in profile.findings):
        yield question(key)
        if FINDING[key].lateral:
            yield side_question(key)


def _prompts(form: Form) -> Iterator[Prompt]:
    full, bare = prompt(_SPOKEN_OF, form), prompt(Asked((_IMAGE,)), form)
    return iter((full, bare, again(full, "a reason")))
