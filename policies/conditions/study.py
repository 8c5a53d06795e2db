"""`study`: a property of the focal study equals one of the values given.

    study: {identity: [mismatch]}
    study: {modality: [CR, DX], body_part: [chest]}

Without a focal study nothing equals; when ImagingStudy could not be pulled, or the study does not state the property,
cannot tell. Identity is the comparison of the image's identifying tags with the bound patient; with no pixels fetched
there is nothing that could belong to someone else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, model_validator

from fhir.study import Outcome
from fhir.value_sets import normalised
from policies.case import PolicyCase, StudyFacts
from policies.conditions.answer import Answer, all_of, answer
from policies.conditions.base import Spec, chart_none, gaps


class StudyIs(Spec):
    """Every property given holds one of its values."""

    kind: Literal["study"] = "study"
    modality: tuple[str, ...] = Field(default=())
    body_part: tuple[str, ...] = Field(default=())
    """SNOMED codes or words; words match as whole words."""
    identity: tuple[Outcome, ...] = Field(default=())

    @model_validator(mode="after")
    def _has_a_property(self) -> StudyIs:
        if not (self.modality or self.body_part or self.identity):
            raise ValueError("needs modality, body_part or identity")
        return self


def evaluate(spec: StudyIs, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`."""
    if case.study is None:
        missing = gaps(case.chart, ("ImagingStudy",))
        return Answer(None, missing) if missing else Answer(False, (chart_none("focal imaging study"),))
    return all_of(_properties(spec, case.study))


def _properties(spec: StudyIs, study: StudyFacts) -> Iterator[Answer]:
    if spec.modality:
        held = bool(set(spec.modality) & set(study.modality)) if study.modality else None
        yield answer(held, study.reference, f"modality {', '.join(study.modality) or 'not stated'}")
    if spec.body_part:
        part = normalised(study.body_part) if study.body_part else None
        held = None if part is None else any(normalised(wanted) in part for wanted in spec.body_part)
        yield answer(held, study.reference, "body part not stated" if part is None else "body part as the study states it")
    if spec.identity:
        yield _identity(spec, study)


def _identity(spec: StudyIs, study: StudyFacts) -> Answer:
    check = study.identity
    if check is None:
        return answer(False, study.reference, "no pixels were read")
    compared = ", ".join(f"{keyword} {outcome}" for keyword, outcome in check.fields) or "no identifying tag"
    if check.outcome in spec.identity:
        return answer(True, study.reference, f"image identity: {check.outcome} ({compared})")
    open_ = check.outcome == "unknown"
    return answer(None if open_ else False, study.reference, f"image identity: {check.outcome} ({compared})")
