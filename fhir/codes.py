"""The codes Sidenote reasons with: code systems, the finding vocabulary and named value sets.

A rule names a value set, never one code: sites and code bases disagree on single codes (POLICIES of the design
record two LOINC codes in use for the same CKD-EPI 2021 equation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
DCM = "http://dicom.nema.org/resources/ontology/DCM"

Side = Literal["left", "right", "bilateral"]
"""Laterality of a finding: the patient's side, never the viewer's."""

LATERALITY_SNOMED: dict[str, Side] = {"7771000": "left", "24028007": "right", "51440002": "bilateral"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One radiographic finding of the vocabulary.

    `key` is the stable name used in readings, case cards, claims and rules. `snomed` is None where no code is certain.
    """

    key: str
    display: str
    snomed: str | None
    lateral: bool
    """Whether the finding has a side at all (cardiomegaly has none)."""
    device: bool = False
    """Whether it is a device in the image and not a state of the body."""


FINDINGS: tuple[Finding, ...] = (
    Finding("pleural_effusion", "pleural effusion", "60046008", lateral=True),
    Finding("pneumothorax", "pneumothorax", "36118008", lateral=True),
    Finding("tension_pneumothorax", "tension pneumothorax", "233645004", lateral=True),
    Finding("consolidation", "consolidation", "95436008", lateral=True),
    Finding("cardiomegaly", "cardiomegaly", "8186001", lateral=False),
    Finding("pulmonary_edema", "pulmonary oedema", "19242006", lateral=False),
    Finding("nodule", "pulmonary nodule", "427359005", lateral=True),
    Finding("atelectasis", "atelectasis", "46621007", lateral=True),
    Finding("malpositioned_device", "malpositioned tube or line", None, lateral=False, device=True),
    Finding("pacemaker", "cardiac pacemaker", "14106009", lateral=False, device=True),
)
"""Every finding the product speaks of, in the fixed order of the compact model's heads."""

FINDING: dict[str, Finding] = {finding.key: finding for finding in FINDINGS}
