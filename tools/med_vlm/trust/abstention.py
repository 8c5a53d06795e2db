"""A reading that says nothing, and why."""

from __future__ import annotations

from tools.med_vlm.reading import Reader, Reading


def abstention(
    reader: Reader, reason: str, *, ood_score: float | None = None, ood_threshold: float | None = None, calibrated: bool = False
) -> Reading:
    """`reader` abstains for `reason`, which holds nothing of a patient and no text of a file."""
    return Reading(
        model=reader.name,
        fingerprint=reader.fingerprint,
        abstained=True,
        reason=reason,
        ood_score=ood_score,
        ood_threshold=ood_threshold,
        calibrated=calibrated,
    )
