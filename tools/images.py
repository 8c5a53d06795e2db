"""What the image model read, as evidence. Heat maps stay with the reading: they are for the eye, not for citing."""

from __future__ import annotations

from fhir.codes import FINDING
from policies.evidence import Sourced
from tools.med_vlm.reading import Change, FindingReading, Reading

CERTAINTY = 0.99
"""No probability is shown as 0 or 1: the calibration behind it is not that good, and no calibration is."""

CHANGED: dict[Change, str] = {
    "new": "; not so on the prior image",
    "resolved": "; present on the prior image",
    "larger": "; larger than on the prior image",
    "smaller": "; smaller than on the prior image",
}
"""What an item says of a change, by the same model's reading of the prior image; no change is not told finding by finding."""

_ORDER = {"present": 0, "uncertain": 1, "absent": 2}


def look_up(reading: Reading, image_sha256: str, patient: str) -> tuple[Sourced, ...]:
    """One item per finding of `reading`, present ones first; one item without a finding when the model abstained.

    `image_sha256` is of the image file as received. Probabilities are rounded to two digits and kept off 0 and 1: that is
    what is shown and cited.
    """
    if reading.abstained:
        text = f"The image model ({reading.model}) abstained: {reading.reason}"
        return (_item(reading, image_sha256, patient, text),)
    findings = sorted(reading.findings, key=lambda finding: (_ORDER[finding.presence], -finding.probability))
    return tuple(_finding(reading, finding, image_sha256, patient) for finding in findings if finding.key in FINDING)


def _finding(reading: Reading, finding: FindingReading, image_sha256: str, patient: str) -> Sourced:
    side = finding.side if FINDING[finding.key].lateral and finding.presence != "absent" else None
    words = f"{side} {FINDING[finding.key].display}" if side else FINDING[finding.key].display
    probability = min(max(round(finding.probability, 2), round(1 - CERTAINTY, 2)), CERTAINTY)
    changed = CHANGED.get(finding.change, "") if finding.change else ""
    text = f"The image model ({reading.model}) reads {words}: {finding.presence}, probability {probability:.2f}{changed}"
    return _item(reading, image_sha256, patient, text).model_copy(
        update={
            "finding": finding.key,
            "polarity": finding.presence,
            "side": side,
            "region": finding.region if finding.presence != "absent" else None,
            "probability": probability,
        }
    )


def _item(reading: Reading, image_sha256: str, patient: str, text: str) -> Sourced:
    return Sourced(
        kind="image_finding",
        reference=f"image:{image_sha256}",
        text=text,
        sha256=image_sha256,
        patient=patient,
        version=f"{reading.model} {reading.fingerprint[:12]}",
    )
