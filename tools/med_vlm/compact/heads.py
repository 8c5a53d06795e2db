"""What the model's heads answer, in the fixed order of their outputs."""

from __future__ import annotations

from typing import Literal

from fhir.codes import FINDINGS

View = Literal["PA", "AP", "LATERAL"]

KEYS: tuple[str, ...] = tuple(finding.key for finding in FINDINGS)
"""The finding heads."""

LATERAL: tuple[bool, ...] = tuple(finding.lateral for finding in FINDINGS)
"""Which finding heads have a side."""

VIEWS: tuple[View, ...] = ("PA", "AP", "LATERAL")
"""The classes of the view head."""
