"""What a model is for, as its card or its entry in the settings says: the input gate and the licence rule ask here."""

from __future__ import annotations

from typing import Literal

from fhir.codes import FINDINGS
from policies.evidence import Frozen

Role = Literal["classifier", "matcher", "generative reader"]

PROJECTION_RADIOGRAPHS = ("CR", "DX", "RG")
"""DICOM modalities of projection radiographs."""


class Profile(Frozen):
    """What a model may be shown and what it can say of it."""

    role: Role
    licence: str
    """SPDX identifier, or the name its publisher gives it."""
    modalities: tuple[str, ...] = PROJECTION_RADIOGRAPHS
    body_parts: tuple[str, ...] = ("chest",)
    """Keys of `fhir.regions`."""
    views: tuple[str, ...] = ("PA", "AP")
    youngest: float | None = None
    oldest: float | None = None
    """Ages in years it was validated for; None where the card gives no bound."""
    findings: tuple[str, ...] = tuple(finding.key for finding in FINDINGS)
    """Keys of `fhir.codes.FINDINGS` it is asked about."""
    most_images: int = 1
    """Images of one study it can look at together."""
    further_views: tuple[str, ...] | None = None
    """DICOM ViewPositions that an image shown beside the focal one must have; None: any, or none stated."""
    sees_priors: bool = False
    """Whether it can be shown the prior image beside the focal one."""
    research_only: bool = True
