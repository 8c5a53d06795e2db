"""What a phantom study is: its subject, what was drawn into it, and what came out. Frozen between layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fhir.codes import Side

View = Literal["PA", "AP", "LATERAL"]
Sex = Literal["female", "male"]
Habitus = Literal["slim", "average", "large"]
Size = Literal["small", "moderate", "large"]
Zone = Literal["upper", "middle", "lower"]
Lobe = Literal["right upper", "right middle", "right lower", "left upper", "left lower"]
DeviceName = Literal["endotracheal tube", "nasogastric tube", "central line"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose chest is drawn. `seed` fixes every anatomical detail that age, sex and habitus leave open."""

    age: int
    sex: Sex
    habitus: Habitus
    seed: int


@dataclass(frozen=True, slots=True)
class DrawnFinding:
    """One finding to draw. `key` is a key of `fhir.codes.FINDING`; `side` is the patient's side."""

    key: str
    side: Side | None = None
    size: Size = "moderate"
    lobe: Lobe | None = None
    """Consolidation and atelectasis: which lobe."""
    zone: Zone | None = None
    """Nodule: which lung zone."""
    device: DeviceName | None = None
    """Malpositioned device: which one."""
    diameter_mm: int | None = None
    """Nodule: its diameter."""


@dataclass(frozen=True, slots=True)
class PhantomSpec:
    """Everything that determines a phantom's bytes: the same spec, the same bytes."""

    subject: Subject
    findings: tuple[DrawnFinding, ...] = ()
    view: View = "PA"
    seed: int = 0
    """Noise, exposure, rotation, inspiration."""
    devices: tuple[DeviceName, ...] = ()
    """Tubes and lines that lie where they should: drawn and reported, and no finding."""


@dataclass(frozen=True, slots=True)
class Phantom:
    """A drawn radiograph. Patient's right is on the image's left, as in every frontal radiograph."""

    spec: PhantomSpec
    pixels: NDArray[np.uint16]
    """[rows, columns], MONOCHROME2 (air dark), 0 .. 2**bits - 1."""
    bits: int
    pixel_spacing_mm: float
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    """finding key -> [rows, columns] ground truth, one for every drawn finding key."""


@dataclass(frozen=True, slots=True)
class ReportText:
    """A written report. Sentences in order; the section texts are those sentences joined by one space."""

    findings: tuple[str, ...]
    impression: tuple[str, ...]
    technique: str
    comparison: str

    @property
    def text(self) -> str:
        """The whole report as one text with section headings, as it would stand in a DiagnosticReport."""
        return "\n".join(
            (
                f"TECHNIQUE: {self.technique}",
                f"COMPARISON: {self.comparison}",
                f"FINDINGS: {' '.join(self.findings)}",
                f"IMPRESSION: {' '.join(self.impression)}",
            )
        )


@dataclass(frozen=True, slots=True)
class PhantomCase:
    """One study of the phantom corpus: the picture, its report and its truth."""

    number: int
    phantom: Phantom
    report: ReportText
