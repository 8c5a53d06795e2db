"""What a model is asked about each finding: in words for one that is spoken to, as captions for one that matches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fhir.codes import FINDING, Side
from tools.med_vlm.vision_model import Question

YES: Final = "yes"
NO: Final = "no"
SIDES: Final[Mapping[str, Side]] = {"left": "left", "right": "right", "both": "bilateral"}
"""Answer -> side of the patient."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How one finding is asked for."""

    question: str
    """Ends a sentence that begins with `Is there`."""
    present: str
    """Caption of an image that shows it."""
    absent: str


WORDINGS: Final[Mapping[str, Wording]] = {
    "pleural_effusion": Wording("a pleural effusion", "pleural effusion", "no pleural effusion"),
    "pneumothorax": Wording("a pneumothorax", "pneumothorax", "no pneumothorax"),
    "tension_pneumothorax": Wording(
        "a pneumothorax under tension, with the mediastinum shifted to the other side",
        "tension pneumothorax with mediastinal shift",
        "no tension pneumothorax",
    ),
    "consolidation": Wording("a consolidation of the lung", "consolidation", "no consolidation"),
    "cardiomegaly": Wording("an enlarged heart", "cardiomegaly", "normal heart size"),
    "pulmonary_edema": Wording("pulmonary oedema", "pulmonary edema", "no pulmonary edema"),
    "nodule": Wording("a pulmonary nodule", "pulmonary nodule", "no pulmonary nodule"),
    "atelectasis": Wording("an atelectasis", "atelectasis", "no atelectasis"),
    "malpositioned_device": Wording(
        "a tube, line or catheter whose tip is in the wrong place", "malpositioned tube or catheter", "no malpositioned tube or catheter"
    ),
    "pacemaker": Wording("a cardiac pacemaker or defibrillator", "cardiac pacemaker", "no cardiac pacemaker"),
}
"""Captions in the spelling of the American reports that matchers were trained on."""


def question(key: str) -> Question:
    """Whether a finding of `fhir.codes.FINDING` is there; the first answer is yes."""
    words = WORDINGS[key]
    text = f"Look at this chest radiograph. Is there {words.question}? Answer yes or no."
    return Question(key, text, (YES, NO), (words.present, words.absent))


def side_question(key: str) -> Question:
    """On which side a lateral finding is, taken that it is there.

    Raises:
        ValueError: the finding has no side.
    """
    if not FINDING[key].lateral:
        raise ValueError(f"{key} has no side")
    text = (
        f"This chest radiograph shows {WORDINGS[key].question}. On which side of the patient? The patient's left is on the right of the "
        "image. Answer left, right or both."
    )
    seen = WORDINGS[key].present
    captions = (f"left {seen}", f"right {seen}", f"bilateral {seen}")
    return Question(f"{key}.side", text, tuple(SIDES), captions)
