"""What is asked for: one patient, one moment, and optionally a study, images and a question. Nothing later changes it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from agent.errors import RequestInvalid
from fhir.types import ID

_STUDY = re.compile(r"[A-Za-z0-9\-._:/ ]{1,128}")
REVIEW_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-]{0,63}")
"""A safe name of a folder, and a safe part of a thread's id."""


def new_review_id() -> str:
    """A random review id (UUID version 4). It is the only thing of a review, besides its times, that is not repeatable."""
    return str(uuid4())


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """One review to be made.

    Raises:
        RequestInvalid: the patient or study is no FHIR id, the time has no zone, the question is not Unicode, or the review id is no
            safe folder name.
    """

    patient: str
    """`Patient/id`, or the id alone, which is completed."""
    as_of: datetime
    """Aware. Ages, windows and the case library are judged at this moment."""
    study: str | None = None
    """`ImagingStudy/id`, the id, Study Instance UID or accession number; None for the newest study of the chart."""
    question: str | None = field(default=None, repr=False)
    images: tuple[Path | bytes, ...] = field(default=(), repr=False)
    """Image files named by the user. When given they stand in for the study's own images."""
    image_model: bool = True
    """False turns the image model off (`--no-image-model`)."""
    review_id: str = field(default_factory=new_review_id)

    def __post_init__(self) -> None:
        """Complete the references and refuse what cannot be meant."""
        object.__setattr__(self, "patient", _reference(self.patient, "Patient"))
        if self.study is not None:
            _refuse(_STUDY, self.study, "what was given as a study is no id, UID or accession number")
        if self.as_of.tzinfo is None or self.as_of.utcoffset() is None:
            raise RequestInvalid("the as-of time needs a time zone")
        if self.question is not None and not _is_text(self.question):
            raise RequestInvalid("the question is not text that can be written down")
        _refuse(REVIEW_ID, self.review_id, "a review id is 1 to 64 letters, digits and hyphens")


def _is_text(text: str) -> bool:
    """Whether it is Unicode: the shell hands over bytes that are not UTF-8 as lone surrogates, which no file can hold."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _reference(text: str, resource_type: str) -> str:
    bare = text.removeprefix(f"{resource_type}/")
    _refuse(ID, bare, f"what was given as {resource_type} is not a FHIR id")
    return f"{resource_type}/{bare}"


def _refuse(pattern: re.Pattern[str], text: str, reason: str) -> None:
    if not pattern.fullmatch(text):
        raise RequestInvalid(reason)
