"""`reading`: what the image model said.

    reading: {finding: tension_pneumothorax, at_least: 0.5}
    reading: {mode: [abstained, refused]}
    reading: {out_of_distribution: true}

A model that was not asked, or that abstained, states no finding: that is a no. A finding it calls uncertain is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from fhir.codes import FINDING
from policies.case import ImageFinding, PolicyCase, ReadingFacts
from policies.conditions.answer import Answer, all_of, answer
from policies.conditions.base import Spec
from policies.evidence import Polarity


def _finding(key: str) -> str:
    if key not in FINDING:
        raise ValueError(f"unknown finding {key!r}")
    return key


FindingKey = Annotated[str, AfterValidator(_finding)]


class ReadingSays(Spec):
    """Every property given holds of the reading."""

    kind: Literal["reading"] = "reading"
    finding: FindingKey | None = None
    presence: tuple[Polarity, ...] = ("present",)
    at_least: float = Field(default=0.0, ge=0, le=1)
    """Lower bound of the finding's probability."""
    mode: tuple[Literal["read", "abstained", "off", "refused"], ...] = ()
    out_of_distribution: Literal[True] | None = None

    @model_validator(mode="after")
    def _has_a_property(self) -> ReadingSays:
        if self.finding is None and not self.mode and self.out_of_distribution is None:
            raise ValueError("needs finding, mode or out_of_distribution")
        return self


def evaluate(spec: ReadingSays, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`."""
    reading = case.reading or ReadingFacts("off")
    return all_of(_properties(spec, reading))


def _properties(spec: ReadingSays, reading: ReadingFacts) -> Iterator[Answer]:
    if spec.mode:
        said = f"image model: {reading.mode}" + (f" ({reading.reason})" if reading.reason else "")
        yield answer(reading.mode in spec.mode, "reading", said)
    if spec.out_of_distribution:
        yield _unlike_training(reading)
    if spec.finding is not None:
        yield _says(spec, spec.finding, reading)


def _unlike_training(reading: ReadingFacts) -> Answer:
    if reading.mode == "off":
        return answer(False, "reading", "no image model was asked")
    if reading.ood_score is None or reading.ood_threshold is None:
        return answer(None, "reading", "distance from the training images was not measured")
    shown = f"distance from the training images {reading.ood_score:.2f}, threshold {reading.ood_threshold:.2f}"
    # `not <=` instead of `>`: a distance that is not a number counts as far.
    return answer(not reading.ood_score <= reading.ood_threshold, "reading", shown)


def _says(spec: ReadingSays, key: str, reading: ReadingFacts) -> Answer:
    if reading.mode != "read":
        return answer(False, "reading", f"image model: {reading.mode}, states no finding")
    found = next((f for f in reading.findings if f.key == key), None)
    if found is None:
        return answer(False, "reading", f"the image model does not speak of {key.replace('_', ' ')}")
    return answer(_holds(spec, found), "reading", f"{key.replace('_', ' ')}: {found.presence}, probability {found.probability:.2f}")


def _holds(spec: ReadingSays, found: ImageFinding) -> bool | None:
    if found.presence in spec.presence and found.probability >= spec.at_least:
        return True
    return None if found.presence == "uncertain" else False
